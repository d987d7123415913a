"""Domain errors, and every error as an RFC 9457 problem.

Services raise `DomainError`s; only this module maps them to HTTP statuses.
"""

import errno
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    BadRequest,
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework import exceptions as drf
from rest_framework.response import Response

from pms_backend.api.problems import PROBLEM_CONTENT_TYPE, FieldError, Problem
from pms_backend.metrics import Layer
from pms_backend.metrics.layers import layer_of_traceback

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 2
CHECK_VIOLATION = "23514"
# Our triggers raise it where another row forbids the change; their HINT is the problem's `code`.
RESTRICT_VIOLATION = "23001"
DATABASE_DISK_FULL = "53100"
# The disk is full, or the account's quota is used up.
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class DomainError(Exception):
    """A business rule refuses the call. `code` is stable, for programs; `detail` is for people."""

    code = "error"
    # To which layer it is counted (pms_backend/metrics/layers.py).
    layer = Layer.SERVICE

    def __init_subclass__(cls, *, code: str | None = None) -> None:
        """Sets the code of a subclass: `class NotFound(DomainError, code="not_found")`."""
        cls.code = code or cls.code

    def __init__(self, detail: str, *, code: str | None = None, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.errors = tuple(errors)


class NotFound(DomainError, code="not_found"):
    """The named object does not exist."""


class Invalid(DomainError, code="invalid"):
    """The input breaks a rule, whatever the state."""


class Conflict(DomainError, code="conflict"):
    """The input is valid, but the present state forbids it."""


class PreconditionFailed(DomainError, code="version_conflict"):
    """The version that the caller has read is no longer the current one."""


class Gone(DomainError, code="gone"):
    """It was there, and is not kept any more."""


class Forbidden(DomainError, code="forbidden"):
    """This caller may not do this."""


class Unavailable(DomainError, code="unavailable"):
    """Something that is needed for it does not answer at present; nothing was written."""


class OutcomeUnknown(Unavailable):
    """The connection to the database broke during COMMIT: whether it was committed is unknown."""

    code = "database_unavailable"
    layer = Layer.MODEL

    def __init__(self) -> None:
        super().__init__(
            _(
                "The database did not answer while it was committing; whether anything was written is not known. A "
                "request with an Idempotency-Key may be repeated with the same key: it takes effect once. Without one, "
                "look first."
            )
        )


class InsufficientStorage(DomainError, code="insufficient_storage"):
    """A disk has no space left; nothing was written."""


class Unauthenticated(DomainError, code="not_authenticated"):
    """The credentials are missing or not valid."""

    layer = Layer.ROUTE


_STATUS_OF_DOMAIN_ERROR: dict[type[DomainError], int] = {
    NotFound: 404,
    Invalid: 422,
    Conflict: 409,
    Gone: 410,
    PreconditionFailed: 412,
    Forbidden: 403,
    Unauthenticated: 401,
    Unavailable: 503,
    InsufficientStorage: 507,
}


def problem_of(error: Exception) -> Problem:
    """The problem for an error; an unexpected one is a 500 that reveals nothing of its cause."""
    for convert in (
        _problem_of_domain_error,
        _problem_of_drf,
        _problem_of_full_disk,
        _problem_of_database,
        _problem_of_django,
    ):
        if problem := convert(error):
            return problem
    layer = layer_of_traceback(error.__traceback__)
    return Problem(500, "internal_error", _("Something went wrong here; it has been logged."), layer=layer)


def problem_response(error: Exception, _view: Mapping[str, Any]) -> Response:
    """DRF's exception handler."""
    problem = problem_of(error)
    response = Response(
        problem.as_dict(), status=problem.status, headers=problem.headers(), content_type=PROBLEM_CONTENT_TYPE
    )
    response.problem = problem  # type: ignore[attr-defined]  # it is counted by RequestContextMiddleware
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log(problem, error)
        # Prevents Django from logging it a second time.
        response._has_been_logged = True  # type: ignore[attr-defined]  # private to Django
    return response


def _log(problem: Problem, error: Exception) -> None:
    if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("Answered 500", exc_info=error)
    else:
        # An expected failure needs its cause, but no traceback.
        cause = " ".join(str(error.__cause__ or error).split())
        logger.warning("Answered %s %s: %s", problem.status, problem.code, cause, extra={"kind": problem.code})


def _problem_of_domain_error(error: Exception) -> Problem | None:
    if not isinstance(error, DomainError):
        return None
    status = next(status for kind, status in _STATUS_OF_DOMAIN_ERROR.items() if isinstance(error, kind))
    retry_after = RETRY_AFTER_SECONDS if isinstance(error, Unavailable) else None
    return Problem(status, error.code, error.detail, error.errors, retry_after, layer=error.layer)


def _problem_of_drf(error: Exception) -> Problem | None:
    if isinstance(error, drf.ValidationError):
        errors = tuple(field_errors(error.get_full_details()))
        return Problem(422, "validation_failed", _("The input is not valid; `errors` says where."), errors)
    if isinstance(error, drf.Throttled):
        wait = max(1, math.ceil(getattr(error, "wait", None) or 1))
        return Problem(
            429,
            "rate_limited",
            _("Too many requests; try again in %(seconds)s s.") % {"seconds": wait},
            retry_after=wait,
        )
    if isinstance(error, drf.APIException):
        code = _CODES.get(type(error), error.default_code)
        return Problem(error.status_code, code, str(error.detail), authenticate=getattr(error, "auth_header", None))
    return None


_CODES: dict[type[drf.APIException], str] = {drf.ParseError: "malformed", drf.PermissionDenied: "forbidden"}


def _problem_of_full_disk(error: Exception) -> Problem | None:
    if not is_disk_full(error):
        return None
    detail = _("The server's disk has no space left; nothing was written. Its operator has to free some.")
    return Problem(507, InsufficientStorage.code, detail, layer=Layer.MODEL)


def is_disk_full(error: BaseException) -> bool:
    """Whether our disk or the database's has no space left."""
    if isinstance(error, DatabaseError):
        return sqlstate(error) == DATABASE_DISK_FULL
    return isinstance(error, OSError) and error.errno in _DISK_FULL


def _problem_of_database(error: Exception) -> Problem | None:
    if isinstance(error, IntegrityError):
        if sqlstate(error) == CHECK_VIOLATION:
            rule = constraint(error) or _("of a table")
            return Problem(422, "invalid", _("The rule %(name)s forbids it.") % {"name": rule}, layer=Layer.MODEL)
        if sqlstate(error) == RESTRICT_VIOLATION and (refused := _diagnostics(error)):
            code = refused.message_hint or "conflict"
            return Problem(409, code, refused.message_primary or "", layer=Layer.MODEL)
        detail = _("Something else holds that already, or still needs what would go.")
        return Problem(409, "conflict", detail, layer=Layer.MODEL)
    if isinstance(error, DataError):
        return Problem(422, "invalid", _("A value does not fit its field."), layer=Layer.MODEL)
    if isinstance(error, OperationalError | InterfaceError):
        detail = _("The database did not answer; nothing was written.")
        return Problem(503, "database_unavailable", detail, retry_after=RETRY_AFTER_SECONDS, layer=Layer.MODEL)
    return None


def _problem_of_django(error: Exception) -> Problem | None:
    if isinstance(error, ValidationError):
        detail = _("The input is not valid; `errors` says where.")
        return Problem(422, "validation_failed", detail, tuple(_model_errors(error)), layer=Layer.MODEL)
    if isinstance(error, Http404 | ObjectDoesNotExist):
        return Problem(404, "not_found", _("There is nothing here by that name."))
    if isinstance(error, PermissionDenied):
        return Problem(403, "forbidden", _("You may not do this."))
    if isinstance(error, RequestDataTooBig):
        return Problem(413, "too_large", _("The body is larger than this endpoint takes."))
    if isinstance(error, SuspiciousOperation | BadRequest | UnreadablePostError):
        return Problem(400, "malformed", _("The request cannot be read."))
    return None


def field_errors(details: Any, pointer: str = "") -> Iterator[FieldError]:
    """Flattens DRF's nested error details; each gets its RFC 6901 pointer."""
    if isinstance(details, Mapping) and {"message", "code"} == set(details):
        yield FieldError(pointer, str(details["code"]), str(details["message"]))
    elif isinstance(details, Mapping):
        for name, inner in details.items():
            step = "" if name == "non_field_errors" else f"/{escape_pointer(str(name))}"
            yield from field_errors(inner, pointer + step)
    elif isinstance(details, Sequence):
        leaves = all(isinstance(item, Mapping) and {"message", "code"} == set(item) for item in details)
        for index, item in enumerate(details):
            yield from field_errors(item, pointer if leaves else f"{pointer}/{index}")


def escape_pointer(name: str) -> str:
    """A member's name, escaped for an RFC 6901 pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _model_errors(error: ValidationError) -> Iterator[FieldError]:
    by_field = error.error_dict if hasattr(error, "error_dict") else {"__all__": error.error_list}
    for name, errors in by_field.items():
        for one in errors:
            pointer = "" if name == "__all__" else f"/{escape_pointer(name)}"
            yield FieldError(pointer, str(one.code or "invalid"), " ".join(one.messages))


def sqlstate(error: DatabaseError | InterfaceError) -> str:
    """The SQLSTATE of a failed statement; empty if there is none."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def constraint(error: DatabaseError) -> str:
    """The name of the violated constraint; empty if there is none."""
    return getattr(_diagnostics(error), "constraint_name", None) or ""


def _diagnostics(error: DatabaseError) -> Any:
    return getattr(error.__cause__, "diag", None)


def is_api_request(request: HttpRequest) -> bool:
    """Whether the response is read by a program, not by people."""
    return not is_page(request.path)


def is_page(path: str) -> bool:
    """Whether the path is a page for people; only the admin's pages are."""
    return path.startswith("/admin/")
