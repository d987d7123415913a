"""Errors as clients see them: RFC 9457 problem details with a stable `code`."""

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final

from pms_backend.api import context
from pms_backend.metrics import Layer

PROBLEM_CONTENT_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One error of the input: an RFC 6901 pointer to it, the code of the broken rule, and a text for people."""

    pointer: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """An RFC 9457 problem; `retry_after` in seconds, `authenticate` for `WWW-Authenticate`.

    `layer` is where it comes from, for metrics; no client sees it.
    """

    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    retry_after: int | None = None
    authenticate: str | None = None
    layer: Layer = Layer.ROUTE

    def as_dict(self) -> dict[str, Any]:
        """The members of the JSON body: those of RFC 9457, `code`, `request_id`, `errors`."""
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": context.current().request_id,
            "errors": [asdict(error) for error in self.errors],
        }

    def headers(self) -> dict[str, str]:
        """`Retry-After` and `WWW-Authenticate`, where they apply."""
        headers = {"Retry-After": self.retry_after, "WWW-Authenticate": self.authenticate}
        return {name: str(value) for name, value in headers.items() if value is not None}
