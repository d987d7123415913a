"""The threads that run the application."""

from typing import Any, Final

from waitress.task import ThreadedTaskDispatcher

# What these paths say has to be heard while all other threads wait for a server that hangs. Their views wait for
# nothing longer than a second or two.
WATCHING_PATHS: Final = ("/health/", "/metrics")


class Dispatcher(ThreadedTaskDispatcher):
    """Waitress's threads, and one of its own for the requests that watch the system."""

    def __init__(self) -> None:
        super().__init__()
        self._watching = ThreadedTaskDispatcher()

    def set_thread_count(self, count: int) -> None:
        """Starts so many threads for the others; 0 ends all."""
        super().set_thread_count(count)
        self._watching.set_thread_count(min(count, 1))

    def add_task(self, task: Any) -> None:
        """Queues a connection, by the path of its next request."""
        request = task.requests[0]
        is_watching = not request.error and request.path.startswith(WATCHING_PATHS)
        if is_watching:
            self._watching.add_task(task)
        else:
            super().add_task(task)
