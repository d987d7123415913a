"""The Celery application."""

import os
from typing import Any, Final

from celery import Celery
from celery.fixups.django import DjangoFixup, DjangoWorkerFixup  # type: ignore[attr-defined]  # missing in the stubs
from celery.states import SUCCESS

from pms_backend.api.database_connections import close_lost_connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")

# The task whose worker keeps its connection. For others, which run every few seconds, a new one each is cheap.
RELAY: Final = "pms_backend.events.tasks.relay_events"


class _WorkerFixup(DjangoWorkerFixup):  # type: ignore[misc]  # Any, as it is missing in the stubs
    """Closes database connections before and after each task, as Celery does, but not around the relay's.

    A change of stock waits for the relay, and a new connection takes 7 ms until its first statement.
    """

    def on_task_prerun(self, sender: Any, **more: Any) -> None:
        """Replaces the relay's connection only if it is lost."""
        if _is_relay(sender):
            close_lost_connection()
        else:
            super().on_task_prerun(sender, **more)

    def on_task_postrun(self, sender: Any, state: str | None = None, **more: Any) -> None:
        """Keeps the relay's connection after a success."""
        if not (_is_relay(sender) and state == SUCCESS):
            super().on_task_postrun(sender, **more)


class _Fixup(DjangoFixup):
    _worker_fixup: _WorkerFixup | None

    @property
    def worker_fixup(self) -> _WorkerFixup:
        # Made at the first use: it reads the settings.
        self._worker_fixup = self._worker_fixup or _WorkerFixup(self.app)
        return self._worker_fixup


def _is_relay(task: Any) -> bool:
    # An eager task uses the connection of its caller, which Celery does not touch either.
    return task.name == RELAY and not task.request.is_eager


def fixup(app: Celery) -> DjangoFixup:
    """Celery's adaptation to Django, with the rule above."""
    adaptation = _Fixup(app)
    adaptation.install()
    return adaptation


app = Celery("pms_backend", fixups=["pms_backend.celery:fixup"])
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
