"""A body that does not come: its request ends, and the others go on."""

import io
import threading
import time
from collections.abc import Iterator

import pytest

from pms_backend.api import slow_bodies
from pms_backend.api.slow_bodies import BodyTooSlow, TimedBody, with_timed_bodies
from tests.conftest import JSONClient


class Stalled(io.RawIOBase):
    """A body that comes when it is let go."""

    def __init__(self) -> None:
        self.come = threading.Event()

    def read(self, size: int = -1) -> bytes:
        self.come.wait(10)
        return b"{}"


@pytest.fixture
def stalled(monkeypatch) -> Iterator[Stalled]:
    monkeypatch.setattr(slow_bodies, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(slow_bodies, "SHORT_BODY_SECONDS", 0.05)
    body = Stalled()
    yield body
    body.come.set()


def seconds_until_refused(body: Stalled) -> float:
    began = time.monotonic()
    with pytest.raises(BodyTooSlow):
        TimedBody(body, 2).read(2)
    return time.monotonic() - began


def test_a_body_that_is_here_is_read_as_ever():
    body = TimedBody(io.BytesIO(b"one\ntwo"), 7)

    assert (body.readline(), body.read(2), body.read()) == (b"one\n", b"tw", b"o")


def test_a_body_that_does_not_come_ends_at_its_deadline(stalled: Stalled):
    assert 0.3 <= seconds_until_refused(stalled) < 1


def test_the_deadline_is_for_all_of_it(stalled: Stalled):
    body = TimedBody(io.BytesIO(b"ab"), 2)
    body.read(1)
    time.sleep(0.35)
    body._raw = stalled

    began = time.monotonic()
    with pytest.raises(BodyTooSlow):
        body.read(1)

    assert time.monotonic() - began < 0.1


def test_a_longer_body_has_longer(stalled: Stalled):
    assert TimedBody(stalled, 64 * 1024 * 60)._seconds == 60.3


def test_few_may_wait_and_the_others_are_told_soon(stalled: Stalled):
    waiting = [threading.Thread(target=seconds_until_refused, args=(stalled,)) for _ in range(2)]
    for thread in waiting:
        thread.start()
    time.sleep(0.1)

    seconds = seconds_until_refused(stalled)

    for thread in waiting:
        thread.join()
    assert seconds < 0.2
    assert 0.3 <= seconds_until_refused(stalled) < 1


def test_a_request_without_a_body_is_left_alone():
    seen = []
    application = with_timed_bodies(lambda environ, _: seen.append(environ["wsgi.input"]) or [])

    for length in ({}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0"}, {"CONTENT_LENGTH": "5"}):
        application({"wsgi.input": io.BytesIO(), **length}, print)

    assert [type(body) for body in seen] == [io.BytesIO, io.BytesIO, io.BytesIO, TimedBody]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/products/", "/api/v1/webhooks/pms/demo/"])
def test_the_client_is_told(api: JSONClient, stalled: Stalled, path: str):
    from tests.factories import make_connection

    make_connection("demo")

    response = api.generic(
        "POST", path, b"{}", content_type="application/json", **{"wsgi.input": TimedBody(stalled, 2)}
    )

    assert (response.status_code, response.json()["code"]) == (408, "request_timeout")
