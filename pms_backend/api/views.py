"""Answers to what no view answered."""

import sys
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.html import escape
from django.views import defaults

from pms_backend.api.exceptions import is_api_request, problem_of
from pms_backend.api.problems import PROBLEM_CONTENT_TYPE, Problem
from pms_backend.api.renderers import to_json


def problem(answer: Problem) -> HttpResponse:
    """The response for a problem outside of DRF."""
    body = to_json(answer.as_dict())
    return HttpResponse(body, status=answer.status, content_type=PROBLEM_CONTENT_TYPE, headers=answer.headers())


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    if not is_api_request(request):
        return defaults.bad_request(request, exception)
    return problem(Problem(400, "malformed", "The request cannot be read."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    if not is_api_request(request):
        return defaults.permission_denied(request, exception)
    return problem(Problem(403, "forbidden", "You may not do this."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    if not is_api_request(request):
        return defaults.page_not_found(request, exception)
    return problem(Problem(404, "not_found", "There is nothing at this address."))


def server_error(request: HttpRequest, *_: Any) -> HttpResponse:
    """Django's handler500, for whatever no view has answered: a database that is away, a disk that is full."""
    answer = _problem_of_server(sys.exc_info()[1])
    if is_api_request(request):
        return problem(answer)
    if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return defaults.server_error(request)
    page = defaults.ERROR_PAGE_TEMPLATE % {"title": HTTPStatus(answer.status).phrase, "details": escape(answer.detail)}
    return HttpResponse(page, status=answer.status, headers=answer.headers())


def _problem_of_server(error: BaseException | None) -> Problem:
    internal = problem_of(RuntimeError())
    answer = problem_of(error) if isinstance(error, Exception) else internal
    # A refusal that no view has answered is a fault of ours.
    return answer if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else internal
