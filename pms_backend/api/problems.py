"""What a client is told of an error: RFC 9457, with a stable `code`."""

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final

from pms_backend.api import context

PROBLEM_CONTENT_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with the input: where (an RFC 6901 pointer), which rule, and in words."""

    pointer: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as the client sees it."""

    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    retry_after: int | None = None
    authenticate: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The members of RFC 9457, and `code`, `request_id`, `errors`."""
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
        wanted = {"Retry-After": self.retry_after, "WWW-Authenticate": self.authenticate}
        return {name: str(value) for name, value in wanted.items() if value is not None}
