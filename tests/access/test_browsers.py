"""Sessions and logins are for browsers: a program's request passes them by. Messages are for pages."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

LAYERS = ["session", "user", "_messages"]


def found(request: HttpRequest) -> HttpResponse:
    return HttpResponse(",".join(name for name in LAYERS if hasattr(request, name)))


urlpatterns = [path("api/found/", found), path("admin/found/", found), path("found/", found)]


@pytest.fixture(autouse=True)
def addresses(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "cookie", "expected"),
    [
        ("/api/found/", "", []),
        ("/api/found/", "a=b", ["session", "user"]),
        ("/admin/found/", "", LAYERS),
        ("/found/", "", LAYERS),
    ],
)
def test_only_a_programs_request_without_a_cookie_passes_them_by(address: str, cookie: str, expected: list[str]):
    client = Client(headers={"Cookie": cookie} if cookie else {})

    assert client.get(address).content.decode() == ",".join(expected)
