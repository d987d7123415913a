"""Answers that the contract does not allow, and refusals: an error with its reason in words."""

import pytest

from pms_integration.connectors.contract import NotCalled
from pms_integration.models import PMSConnection
from pms_integration.services import pms_client
from tests.outbound.servers import LocalServer, saying, send
from tests.pms_integration.outgoing.calling import TOKEN, answering, refused
from tests.pms_integration.outgoing.test_asking import dated, stock
from tests.pms_integration.reports import product

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is not JSON"),
        (b"<html>Login</html>", "is not JSON"),
        (b'{"name": "Shop"', "is not JSON"),
        (b'{"name": NaN}', "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100 + b"]" * 100, "nested deeper"),
        (b'{"name": 1e99999999}', "is not JSON"),
        (b"[]", "no JSON object"),
        (b"null", "no JSON object"),
        (b"{}", "no name"),
        (b'{"name": 7}', "no name"),
        (b'{"name": ""}', "no name"),
    ],
)
def test_an_answer_that_is_no_json_or_has_no_name(server: LocalServer, pms: PMSConnection, body: bytes, words: str):
    server.respond = saying(body)

    error = refused(pms)

    assert words in str(error)
    assert (error.permanent, error.status) == (False, None)


@pytest.mark.parametrize(
    "answer",
    [
        {"next": None},
        {"products": {}, "next": None},
        {"products": [[]], "next": None},
        {"products": [{**product("7", 1), "id": None}], "next": None},
        {"products": [{**product("7", 1), "id": ""}], "next": None},
        {"products": [{**product("7", 1), "id": True}], "next": None},
        {"products": [{**product("7", 1), "id": 1.5}], "next": None},
        {"products": [{**product("7", 1), "version": None}], "next": None},
        {"products": [{**product("7", 1), "version": "1"}], "next": None},
        {"products": []},
        {"products": [], "next": 7},
        {"products": [], "next": ""},
        {"products": [], "next": "\ud800"},
        {"products": [], "next": "here"},
    ],
)
def test_a_page_of_products_that_cannot_be_followed(server: LocalServer, pms: PMSConnection, answer):
    server.respond = answering(answer)

    error = refused(pms, "pull_products", None, "here")

    assert "of the PMS" in str(error) or "The PMS's" in str(error)
    assert error.status is None


@pytest.mark.parametrize(
    "wrong",
    [{"sku": 7}, {"sku": ""}, {"location": None}, {"on_hand": "7"}, {"on_hand": 7.5}, {"on_hand": None},
     {"on_hand": False}, {"version": "3"}, {"updated_at": None}, {"updated_at": 1_700_000_000}],
)  # fmt: skip
def test_stock_with_a_wrong_type(server: LocalServer, pms: PMSConnection, wrong):
    server.respond = answering({"stock": [stock(**wrong)], "next": None})

    for method, arguments in (("pull_stock", (None, None)), ("get_stock", (["A-1"],))):
        assert f"no {next(iter(wrong))} that is a" in str(refused(pms, method, *arguments))


def test_a_page_that_repeats_its_cursor(server: LocalServer, pms: PMSConnection):
    server.respond = answering({"stock": [], "next": "same"})

    assert "repeats its cursor" in str(refused(pms, "pull_stock", None, "same"))
    assert "repeats its cursor" in str(refused(pms, "get_stock", ["A-1"]))
    assert len(server.received) == 3


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_a_page_without_a_date(server: LocalServer, pms: PMSConnection, date: str):
    server.respond = dated({"stock": [], "next": None}, date)

    assert str(refused(pms, "pull_stock", None, None)) == "The PMS's answer has no Date."


def test_another_product_than_the_one_that_was_asked_for(server: LocalServer, pms: PMSConnection):
    server.respond = answering(product("8", 1))

    assert "the product 8 instead of 7" in str(refused(pms, "get_product", "7"))


def test_half_a_body(server: LocalServer, pms: PMSConnection):
    def respond(handler) -> None:
        send(handler, b'{"name": ', Content_Length="100")
        handler.close_connection = True

    server.respond = respond

    assert "does not answer" in str(refused(pms))


def test_an_answer_that_is_too_large(server: LocalServer, pms: PMSConnection):
    server.respond = saying(b" " * (pms_client.MAX_RESPONSE_BYTES + 1))

    error = refused(pms)

    assert "too large" in str(error)
    assert error.permanent


def test_a_request_that_is_too_large_is_not_sent(server: LocalServer, pms: PMSConnection):
    client = pms_client.ConnectionClient(pms_client.http_client(pms.pk, pms.base_url), headers={})

    with pytest.raises(NotCalled) as caught:
        client.send("POST", "/products", body="x" * pms_client.MAX_REQUEST_BYTES)

    assert caught.value.permanent
    assert server.received == []


def test_a_redirect_is_not_followed(server: LocalServer, pms: PMSConnection):
    server.respond = saying(b"", 302, Location="https://login.example/")

    error = refused(pms)

    assert str(error) == "The PMS redirects to https://login.example/. Redirects are not followed."
    assert (error.permanent, len(server.received)) == (False, 1)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 422])
def test_a_refusal_would_come_again(server: LocalServer, pms: PMSConnection, status: int):
    server.respond = answering({"detail": "No."}, status)

    error = refused(pms)

    assert str(error) == f'The PMS answered {status}: {{"detail": "No."}}'
    assert (error.permanent, error.status, error.retry_after) == (True, status, None)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(("header", "seconds"), [({}, None), ({"Retry_After": "7"}, 7.0)])
def test_other_errors_may_pass(server: LocalServer, pms: PMSConnection, status: int, header, seconds):
    server.respond = answering({}, status, **header)

    error = refused(pms)

    assert (error.permanent, error.status, error.retry_after) == (False, status, seconds)


def test_an_error_has_the_beginning_of_a_long_text_and_no_secret(server: LocalServer, pms: PMSConnection):
    def respond(handler) -> None:
        send(handler, f"You sent\n\n  {handler.headers['Authorization']} \0 {'x' * 1_000}".encode(), 401)

    server.respond = respond

    error = refused(pms)

    assert str(error).startswith("The PMS answered 401: You sent Bearer ••• ")
    assert len(str(error)) < 250
    pms.refresh_from_db()
    assert TOKEN not in pms.last_error
    assert "\N{SYMBOL FOR NULL}" in pms.last_error


def test_an_address_that_is_not_allowed_any_more(server: LocalServer, pms: PMSConnection, settings):
    settings.OUTBOUND_ALLOW = []

    error = refused(pms)

    assert str(error) == "The PMS must not be called. This URL leads to an address that is not public."
    assert error.permanent
    assert server.received == []
