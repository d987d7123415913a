"""The web server's own refusals, as problems (RFC 9457) like those of the application."""

import logging
from http import HTTPStatus
from typing import Any, Final

import orjson
from waitress.task import ErrorTask

from pms_backend import metrics
from pms_backend.access.addresses import address_of
from pms_backend.access.request_log import write_line
from pms_backend.api import context
from pms_backend.api.problems import PROBLEM_CONTENT_TYPE, Problem
from pms_backend.api.routes import ANONYMOUS, UNMATCHED

RETRY_AFTER_SECONDS: Final = 5

LATE: Final = Problem(408, "request_timeout", "The request did not arrive in time.")
TOO_LARGE: Final = Problem(413, "too_large", "The body is larger than this address takes.")
SPOOL_FULL: Final = Problem(
    503, "busy", "Too many large bodies are on their way; try again soon.", retry_after=RETRY_AFTER_SECONDS
)
DISK_FULL: Final = Problem(507, "insufficient_storage", "There is no room for the body; nothing was written.")

# Errors that Waitress finds.
_BY_STATUS: Final = {
    400: Problem(400, "malformed", "The request cannot be read."),
    413: TOO_LARGE,
    431: Problem(431, "headers_too_large", "The head of the request is too large."),
    500: Problem(500, "internal_error", "Something went wrong here; it has been logged."),
    501: Problem(501, "not_implemented", "This transfer encoding is not supported."),
}


class RefusalTask(ErrorTask):
    """Answers a request that does not reach the application, and ends its connection."""

    def execute(self) -> None:
        """Writes the problem."""
        error: Any = self.request.error
        problem = error if isinstance(error, Problem) else _BY_STATUS[error.code]
        with context.bind(request_id=context.request_id_from(self.request.headers.get("X_REQUEST_ID", ""))):
            body = orjson.dumps(problem.as_dict())
            headers = {
                "Content-Type": PROBLEM_CONTENT_TYPE,
                "X-Request-Id": context.current().request_id,
                **problem.headers(),
            }
            self._log(problem.status, len(body))
        self.status = f"{problem.status} {HTTPStatus(problem.status).phrase}"
        self.response_headers.extend(headers.items())
        self.set_close_on_finish()
        self.content_length = len(body)
        # As in the application: whoever has the answer finds it counted.
        metrics.requests_total.labels(UNMATCHED, "OTHER", f"{problem.status // 100}xx", ANONYMOUS).inc()
        metrics.request_seconds.labels(UNMATCHED, "OTHER").observe(0)
        metrics.errors_total.labels(problem.layer, problem.code).inc()
        self.write(body)

    def _log(self, status: int, length: int) -> None:
        """The line of a request that the application does not log; its head may be unreadable."""
        forwarded_for = self.request.headers.get("X_FORWARDED_FOR", "")
        write_line(
            logging.INFO,
            method=getattr(self.request, "command", ""),
            route=UNMATCHED,
            path=getattr(self.request, "path", ""),
            status=status,
            bytes=length,
            tier=ANONYMOUS,
            address=address_of(peer=self.channel.addr[0], forwarded_for=forwarded_for),
        )
