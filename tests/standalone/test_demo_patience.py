"""The demo's client waits when it is told to, and asks again."""

import asyncio
import time

import httpx
import pytest

from pms_backend.standalone.demo import patience
from pms_backend.standalone.demo.exceptions import DemoFailed
from pms_backend.standalone.demo.patience import PatientClient


def ask(*answers: httpx.Response | Exception) -> tuple[int, int, float]:
    """Asks a server that gives these answers in turn: the status in the end, the waits, and the seconds it took."""
    left = list(answers)

    def give(_: httpx.Request) -> httpx.Response:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def talk() -> tuple[int, int]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(give)) as http:
            client = PatientClient(http)
            answer = await client.request("GET", "http://stack.test/")
            return answer.status_code, client.waits

    began = time.monotonic()
    status, waits = asyncio.run(talk())
    assert left == []
    return status, waits, time.monotonic() - began


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed(status):
    answer, waits, seconds = ask(httpx.Response(status, headers={"Retry-After": "0.2"}), httpx.Response(202))

    assert (answer, waits) == (202, 1)
    assert 0.2 <= seconds < 1


def test_what_is_broken_off_is_sent_again(monkeypatch):
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.01)

    assert ask(httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.Response(200))[:2] == (200, 0)


def test_a_refusal_is_an_answer():
    assert ask(httpx.Response(401))[:2] == (401, 0)


def test_it_gives_up_in_the_end(monkeypatch):
    monkeypatch.setattr(patience, "TRIES", 3)

    with pytest.raises(DemoFailed, match="not answered in 3 tries"):
        ask(*[httpx.Response(429, headers={"Retry-After": "0"})] * 3)
