"""The server as a gunicorn worker: gunicorn starts the processes, replaces those that end, and stops them."""

import os
import resource
import sys
from typing import Any

from gunicorn.workers.base import Worker

# First: it says where metrics are stored, and gunicorn imports this module before the application.
import pms_backend.settings  # noqa: F401
from pms_backend.web_server.limits import OPEN_FILES
from pms_backend.web_server.server import WebServer


class WebWorker(Worker):
    """Serves in one process, with the number of threads of gunicorn's `--threads`."""

    def run(self) -> None:
        """Serves until SIGTERM, and then finishes the current requests."""
        _allow_open_files()
        (listener,) = self.sockets
        WebServer(self.wsgi, listener.sock, threads=self.cfg.threads, on_check=self._check).run()

    def handle_exit(self, *_: Any) -> None:
        """Handles SIGTERM."""
        sys.exit(0)

    def _check(self) -> None:
        """Reports to gunicorn that the I/O loop runs; ends if gunicorn was killed."""
        self.notify()
        if os.getppid() != self.ppid:
            sys.exit(0)


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < OPEN_FILES:
        wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
