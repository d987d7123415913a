"""The two handlers: which requests go where, and what the API's does as Django's would."""

from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from django.urls import Resolver404, path, resolve

from pms_backend.api.handler import Application, is_api_path, match_of
from pms_backend.api.problems import Problem
from pms_backend.api.views import problem

closed: list[str] = []


class Rows:
    """What a view streams; the server closes it."""

    def __iter__(self) -> Any:
        return iter([b"a", b"b"])

    def close(self) -> None:
        closed.append("rows")


def with_cookie(_: HttpRequest) -> HttpResponse:
    response = HttpResponse("x")
    response.set_cookie("a", "b")
    return response


def breaks(_: HttpRequest) -> HttpResponse:
    raise RuntimeError("surprise")


urlpatterns = [
    path("api/empty/", lambda _: HttpResponse(), name="empty"),
    path("api/cookie/", with_cookie),
    path("api/rows/", lambda _: StreamingHttpResponse(Rows())),
    path("api/breaks/", breaks),
    path("api/full/", lambda _: problem(Problem(507, "insufficient_storage", "full"))),
]
handler404, handler500 = "pms_backend.access.refusals.not_found", "pms_backend.api.views.server_error"


def names_the_view(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware."""

    def middleware(request: HttpRequest) -> HttpResponse:
        match = request.resolver_match
        response = get_response(request)
        response["X-View"] = "none" if match is None else match.url_name or match.route
        return response

    return middleware


@pytest.fixture(autouse=True)
def _views_of_this_module(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    settings.API_MIDDLEWARE = [*settings.API_MIDDLEWARE, f"{__name__}.names_the_view"]


def answer(path: str) -> tuple[str, list[tuple[str, str]], bytes]:
    """What a WSGI server gets."""
    got: list[Any] = []
    environ = {**RequestFactory().get(path).environ, "wsgi.input": BytesIO()}
    response = Application()(environ, lambda status, headers: got.extend([status, headers]))
    body = b"".join(response)
    if hasattr(response, "close"):
        response.close()
    return got[0], got[1], body


@pytest.mark.parametrize(
    ("path", "is_api"),
    [
        ("/api/v1/products/", True), ("/api/", True), ("/api/schema/", True), ("/health/live", True),
        ("/metrics", True), ("/api/docs/", False), ("/", False), ("/admin/", False), ("/static/a.css", False),
        ("/media/a.png", False), ("/api", False), ("//api/v1/products/", False), ("/API/v1/products/", False),
        ("", False),
    ],
)  # fmt: skip
def test_the_path_decides(path: str, is_api: bool):
    assert is_api_path(path) == is_api


@pytest.mark.parametrize(("path", "view"), [("/api/empty/", "empty"), ("/api/nothing/", "none")])
def test_a_middleware_of_the_api_knows_the_view(path: str, view: str):
    assert ("X-View", view) in answer(path)[1]


def test_a_middleware_of_the_api_is_not_one_of_pages():
    assert "X-View" not in dict(answer("/nothing/")[1])


def test_an_empty_response_has_its_length_and_a_cookie_its_header():
    assert dict(answer("/api/empty/")[1])["Content-Length"] == "0"
    assert dict(answer("/api/cookie/")[1])["Set-Cookie"] == "a=b; Path=/"


def test_what_is_streamed_is_sent_and_closed():
    closed.clear()

    status, headers, body = answer("/api/rows/")

    assert (status, body, closed) == ("200 OK", b"ab", ["rows"])
    assert "Content-Length" not in dict(headers)


@pytest.mark.parametrize(("path", "status"), [("/api/breaks/", "500"), ("/api/full/", "507")])
def test_a_server_error_is_a_problem_and_logged_once(path: str, status: str, caplog: pytest.LogCaptureFixture):
    got, headers, _ = answer(path)

    assert (got[:3], dict(headers)["Content-Type"]) == (status, "application/problem+json")
    assert [record.name for record in caplog.records] == ["django.request"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_refused", [False, True], ids=["answered", "refused by the server"])
def test_a_connection_that_broke_is_replaced_for_the_next_request(is_refused: bool):
    def start_response(*_: object) -> None:
        if is_refused:
            raise ValueError("a header with a line break")

    connection.ensure_connection()
    connection.errors_occurred = True
    connection.connection.close()

    with suppress(ValueError):
        Application()({**RequestFactory().get("/api/empty/").environ, "wsgi.input": BytesIO()}, start_response)

    assert connection.connection is None


@pytest.mark.parametrize(
    "path",
    [
        "products/", "products/7/", "products/007/", "products/0/", "products/123456789012345678/",
        "products/7/publish/", "products/1234567890123456789/", "products/7/images/", "products/7/images/7/",
        "products/7/images/8/", "products/bulk/", "products/variants/7/", "products/categories/7/",
        "products/7", "products/x/", "products/٧/", "inventory/movements/7/reverse/",
        "inventory/movements/0/reverse/", "inventory/stocktakes/7/lines/", "inventory/levels/7/",
        "inventory/levels/A/7/", "inventory/levels/7/main/", "inventory/levels/A/7/B/",
        "inventory/levels/0/7/", "inventory/levels/7/7/", "inventory/levels/A/0/7/B/",
        "inventory/levels/A-7/", "inventory/reservations/7/commit/", "webhooks/pms/7/",
        "pms/sync-runs/7/differences/", "nothing/7/", "7/",
    ],
)  # fmt: skip
def test_the_match_is_that_of_djangos_resolver(path: str, settings: Any):
    settings.ROOT_URLCONF = "pms_backend.urls"
    try:
        expected = vars(resolve(f"/api/v1/{path}"))
    except Resolver404:
        expected = None

    for _ in range(2):
        found = match_of(f"/api/v1/{path}")

        assert (found and told(vars(found))) == (expected and told(expected))


def told(match: dict[str, Any]) -> list[Any]:
    return [match[name] for name in ("func", "args", "kwargs", "route", "url_name", "view_name")]


def test_a_long_path_is_not_resolved():
    assert match_of("/api/empty/") is not None
    assert match_of("/api/empty/" + "x" * 20_000) is None
