"""Django's error handlers: problems for programs, pages for people."""

import copy
import functools
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from rest_framework.exceptions import MethodNotAllowed

from pms_backend.api import context
from pms_backend.api.exceptions import is_api_request, problem_of
from pms_backend.api.problems import PROBLEM_CONTENT_TYPE, Problem
from pms_backend.api.renderers import to_json

View = Callable[[HttpRequest], HttpResponse]

MALFORMED: Final = Problem(400, "malformed", gettext_noop("The request cannot be read."))
FORBIDDEN: Final = Problem(403, "forbidden", gettext_noop("You may not do this."))
FORGED: Final = Problem(
    403, "forbidden", gettext_noop("This form is too old, or is not from here. Go back, reload the page, try again.")
)
NOT_FOUND: Final = Problem(404, "not_found", gettext_noop("There is nothing at this address."))

_TITLES: Final = {
    400: gettext_noop("Bad Request"),
    403: gettext_noop("Forbidden"),
    404: gettext_noop("Not Found"),
    500: gettext_noop("Internal Server Error"),
    503: gettext_noop("Service Unavailable"),
    507: gettext_noop("Insufficient Storage"),
}


def problem(answer: Problem) -> HttpResponse:
    """The response for a problem outside of DRF."""
    body = to_json(answer.as_dict())
    headers = {"Content-Type": PROBLEM_CONTENT_TYPE, "Content-Length": str(len(body)), **answer.headers()}
    response = HttpResponse(body, status=answer.status, headers=headers)
    response.problem = answer  # type: ignore[attr-defined]  # it is counted by RequestContextMiddleware
    return response


def only_reads(view: View) -> View:
    """Answers 405 to any method but GET and HEAD, as Django's `require_safe` does, but as a problem."""

    @functools.wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return view(request)
        refusal = problem(problem_of(MethodNotAllowed(request.method or "")))
        refusal["Allow"] = "GET, HEAD"
        return refusal

    return checked


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    return _answer(request, MALFORMED)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    return _answer(request, FORBIDDEN)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW."""
    return _answer(request, FORGED)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return _answer(request, NOT_FOUND)


def server_error(request: HttpRequest, *_arguments: Any) -> HttpResponse:
    """Django's handler500, for exceptions outside of DRF: a lost database, a full disk."""
    return _answer(request, _problem_of_server(sys.exc_info()[1]))


def _answer(request: HttpRequest, answer: Problem) -> HttpResponse:
    return problem(answer) if is_api_request(request) else _page(request, answer)


def _page(request: HttpRequest, answer: Problem) -> HttpResponse:
    """An error page that uses neither the database nor the session: either may have failed."""
    anonymous = copy.copy(request)
    anonymous.user = AnonymousUser()
    values = {
        **admin.site.each_context(anonymous),
        "title": _(_TITLES[answer.status]),
        "detail": _(answer.detail),
        "request_id": context.current().request_id,
    }
    page = render(anonymous, "api/error_page.html", values, status=answer.status)
    for name, value in answer.headers().items():
        page[name] = value
    page.problem = answer  # type: ignore[attr-defined]  # it is counted by RequestContextMiddleware
    return page


def _problem_of_server(error: BaseException | None) -> Problem:
    internal = problem_of(RuntimeError())
    answer = problem_of(error) if isinstance(error, Exception) else internal
    # A refusal that reached no view is a server error.
    return answer if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else internal
