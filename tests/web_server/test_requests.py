"""What the application gets of a request, and what the server refuses itself."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from pms_backend.api.limits import MAX_BODY_BYTES
from pms_backend.web_server.limits import MAX_HEAD_BYTES
from tests.web_server.running import web_server

IMPORTS = "/api/v1/products/imports/"


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """What the application sees."""
    seen = {name: value for name, value in environ.items() if isinstance(value, str)}
    body = json.dumps({**seen, "body": len(environ["wsgi.input"].read())}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture
def port() -> Iterator[int]:
    with web_server(echo) as port:
        yield port


def ask(port: int, *sent: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Sends bytes as they are; the answer's status, headers and JSON."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        for part in sent:
            client.sendall(part)
        return answer_of(client)


def answer_of(client: socket.socket) -> tuple[int, dict[str, str], dict[str, Any]]:
    with client.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        lines = iter(stream.readline, b"\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.decode().partition(":") for line in lines)}
        return status, headers, json.loads(stream.read(int(headers["content-length"])))


def head(*headers: str, method: str = "GET", path: str = "/") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", "")).encode()


def test_header_names_with_underscores_never_reach_the_application(port: int):
    _, _, seen = ask(port, head("X_Forwarded_For: 6.6.6.6", "X-Forwarded-For: 1.1.1.1", "X_Api_Key: stolen", "A_B: c"))

    assert seen["HTTP_X_FORWARDED_FOR"] == "1.1.1.1"
    assert not {"HTTP_X_API_KEY", "HTTP_A_B"} & seen.keys()


@pytest.mark.parametrize("names", [("X-Forwarded-For", "x-forwarded-for"), ("X-Api-Key", "X-API-KEY")])
def test_two_headers_of_one_name_are_joined_in_their_order(port: int, names: tuple[str, str]):
    _, _, seen = ask(port, head(f"{names[0]}: first", "Other: x", f"{names[1]}: second"))

    assert seen[f"HTTP_{names[0].upper().replace('-', '_')}"] == "first, second"


def test_two_lengths_are_refused(port: int):
    status, _, problem = ask(port, head("Content-Length: 1", "Content-Length: 1", method="POST"), b"x")

    assert (status, problem["code"]) == (400, "malformed")


def test_a_body_in_chunks_has_its_length(port: int):
    _, _, seen = ask(port, head("Transfer-Encoding: chunked", method="POST"), b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    assert (seen["CONTENT_LENGTH"], seen["body"]) == ("5", 5)
    assert "HTTP_TRANSFER_ENCODING" not in seen


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nNo colon\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", 400, "malformed"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * MAX_HEAD_BYTES, 431, "headers_too_large"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "not_implemented"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "malformed"),
    ],
)
def test_a_malformed_request_is_answered_with_a_problem(port: int, sent: bytes, status: int, code: str):
    found, headers, problem = ask(port, sent)

    assert (found, problem["status"], problem["code"]) == (status, status, code)
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-request-id"] == problem["request_id"]


def test_a_refusal_repeats_the_request_id_of_its_client(port: int):
    _, headers, problem = ask(port, head("X-Request-Id: mine", f"Content-Length: {2**31}", method="POST"))

    assert headers["x-request-id"] == problem["request_id"] == "mine"


def too_large(path: str, content_type: str, length: int, *more: str) -> bytes:
    return head(f"Content-Type: {content_type}", f"Content-Length: {length}", *more, method="POST", path=path)


FORM = "multipart/form-data; boundary=x"


@pytest.mark.parametrize(
    ("path", "content_type", "more"),
    [
        (IMPORTS, FORM, ()),
        (IMPORTS, "application/json", ("X-Api-Key: k",)),
        ("/api/v1/products/", FORM, ("X-Api-Key: k",)),
        ("/nowhere/", FORM, ("X-Api-Key: k",)),
    ],
    ids=["no credentials", "no form", "a view without files", "no view"],
)
def test_a_large_body_that_no_view_accepts_is_refused_and_its_client_reads_why(
    port: int, path: str, content_type: str, more: tuple[str, ...]
):
    body = b"x" * (MAX_BODY_BYTES + 1)

    status, _, problem = ask(port, too_large(path, content_type, len(body), *more), body)

    assert (status, problem["code"]) == (413, "too_large")


@pytest.mark.parametrize("path", [IMPORTS, "/api/v1/products/1/images/", "/admin/pms_integration/importjob/add/"])
def test_a_large_form_reaches_the_view_that_accepts_one(port: int, path: str):
    body = b"x" * (MAX_BODY_BYTES + 1)

    status, _, seen = ask(port, too_large(path, FORM, len(body), "Cookie: sessionid=s"), body)

    assert (status, seen["body"]) == (200, len(body))


def test_a_client_that_expects_100_continue_is_refused_before_it_sends(port: int):
    sent = too_large(IMPORTS, FORM, MAX_BODY_BYTES + 1, "Expect: 100-continue")

    status, _, problem = ask(port, sent)

    assert (status, problem["code"]) == (413, "too_large")


def test_a_body_in_chunks_has_the_same_limit(port: int):
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"

    status, _, problem = ask(port, head("Transfer-Encoding: chunked", method="POST"), chunk * 10, b"1\r\n")

    assert (status, problem["code"]) == (413, "too_large")


def test_a_response_without_a_body_keeps_its_connection():
    def not_modified(_: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("304 Not Modified", [("ETag", '"1"')])
        return [b""]

    with web_server(not_modified) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        answers = []
        for last in ("", "Connection: close"):
            client.sendall(head(*filter(None, [last])))
            answers.append(client.recv(4096).lower())
        ended = client.recv(1)

    assert [b"connection: close" in answer for answer in answers] == [False, True]
    assert all(answer.startswith(b"http/1.1 304") for answer in answers)
    assert ended == b""
