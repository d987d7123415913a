"""The headers of a request, found one by one."""

import pytest
from django.test import RequestFactory

from pms_backend.api.request_headers import RequestHeaders


@pytest.fixture
def headers() -> RequestHeaders:
    request = RequestFactory().post("/", b"{}", "application/json", headers={"webhook-id": "msg_1", "X-Empty": ""})
    return RequestHeaders(request.META)


@pytest.mark.parametrize(
    ("name", "value"),
    [("webhook-id", "msg_1"), ("Webhook-ID", "msg_1"), ("x-empty", ""), ("content-type", "application/json")],
)
def test_a_header_is_found_whatever_the_case_of_its_name(headers: RequestHeaders, name: str, value: str) -> None:
    assert name in headers
    assert headers[name] == headers.get(name) == value


@pytest.mark.parametrize("name", ["webhook-timestamp", "server-name", "wsgi.input"])
def test_what_is_no_header_is_not_found(headers: RequestHeaders, name: str) -> None:
    assert name not in headers
    assert headers.get(name, "none") == "none"
    with pytest.raises(KeyError):
        headers[name]


def test_all_are_those_that_django_lists(headers: RequestHeaders) -> None:
    listed = {"Cookie": "", "Webhook-Id": "msg_1", "X-Empty": "", "Content-Type": "application/json"}

    assert dict(headers) == {**listed, "Content-Length": "2"}
    assert len(headers) == len(dict(headers))
