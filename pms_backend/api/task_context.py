"""The request id in Celery's messages: a task has the id of the request that sent it."""

import logging
from typing import Any, Final

from celery import Task
from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun

from pms_backend.api import context

logger = logging.getLogger("pms.tasks")

HEADER: Final = "request_id"
_BEFORE: Final = "pms_context"


def connect() -> None:
    """Connects to Celery's signals, in what sends tasks and in what runs them."""
    before_task_publish.connect(_add_header)
    task_prerun.connect(_bind)
    task_postrun.connect(_release)
    setup_logging.connect(_keep_logging)


def _add_header(headers: dict[str, Any], **_: Any) -> None:
    if request_id := context.current().request_id:
        headers[HEADER] = request_id


def _bind(task_id: str, task: Task[Any, Any], **_: Any) -> None:
    """Binds the request id; that of the task itself if no request has sent it, but beat."""
    token = context.begin(context.Context(request_id=task.request.get(HEADER) or task_id))
    task.request.update({_BEFORE: token})
    logger.debug("%s begins", task.name)


def _release(task: Task[Any, Any], state: str, **_: Any) -> None:
    logger.debug("%s ends: %s", task.name, state)
    context.end(task.request.get(_BEFORE))


def _keep_logging(**_: Any) -> None:
    """Celery sets no handlers and no levels of its own if this signal has a receiver: those are Django's."""
