"""The demo: what happens in the PMS, the connection to it, and that whatever does not agree in the end is named."""

import asyncio
import io
import json
import random
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler

import httpx
import pytest
from rich.console import Console

from pms_backend.standalone import demo, demo_pms
from pms_backend.standalone.demo import Demo, find_differences
from pms_backend.standalone.demo_pms import SimulatedPMS, choose_event, simulated_pms
from pms_backend.standalone.demo_stack import connected
from pms_backend.standalone.exceptions import StartupError
from tests.outbound.servers import LocalServer, send, serving

PMS = SimulatedPMS("http://127.0.0.1:9000", "token-of-the-pms")
QUICKSTART = {
    "base_url": "http://stack.test", "ws_url": "ws://stack.test", "api_key": "key",
    "pms": {"connection": "demo"},
}  # fmt: skip


def a_demo() -> Demo:
    return Demo(QUICKSTART, PMS, Console(), random.Random("one"))


@pytest.mark.parametrize("on_hand", [-3, 0, 1, 2, 50])
def test_nothing_is_sold_that_is_not_there(on_hand: int):
    chance = random.Random("one")
    events = [choose_event(on_hand, chance) for _ in range(300)]

    kinds = Counter(kind for kind, _ in events)
    sold = {values["quantity"] for kind, values in events if kind == "sell"}
    counted = {values["on_hand"] for kind, values in events if kind == "count"}
    assert set(kinds) == ({"sell", "receive", "count"} if on_hand > 0 else {"receive"})
    assert all(0 < quantity <= on_hand for quantity in sold)
    assert counted <= {on_hand, on_hand - 1}


def test_the_same_seed_lets_the_same_happen():
    first, again, other = (
        [choose_event(10, chance) for _ in range(50)]
        for chance in (random.Random("one"), random.Random("one"), random.Random("two"))
    )

    assert first == again != other


def test_the_pms_runs_until_the_end_of_the_block():
    with simulated_pms(seed="1", location="main") as pms:
        answer = httpx.get(f"{pms.url}/locations", headers=pms.headers)
        refused = httpx.get(f"{pms.url}/locations")

    assert answer.json() == {"locations": [{"id": "main", "name": "main"}]}
    assert refused.status_code == 401
    assert f"http://{pms.destination}" == pms.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(pms.url)


def test_a_pms_that_does_not_start_says_why(monkeypatch):
    monkeypatch.setattr(demo_pms, "FAULTS", "nonsense=1")

    with (
        pytest.raises(StartupError, match="the simulated PMS did not start") as caught,
        simulated_pms(seed="1", location="main"),
    ):
        pass

    assert any("nonsense" in line for line in caught.value.lines)


def connecting(*, known: str | None = None, refuses: bool = False, ok: bool = True) -> tuple[list[object], str]:
    """Connects a stack that answers so; returns what it was sent, with the block in between, and what was shown."""
    done: list[object] = []

    def respond(handler: BaseHTTPRequestHandler) -> None:
        body = server.received[-1].body
        if handler.command != "GET":
            done.append(json.loads(body) if body else handler.path.rpartition("/connections/demo/")[2])
        if handler.command == "PATCH" and refuses:
            send(handler, b'{"code": "outbound_forbidden"}', 422)
        else:
            detail = "Shop" if ok else "It is broken."
            send(handler, json.dumps({"base_url": known, "ok": ok, "detail": detail, "ms": 7}).encode())

    shown = io.StringIO()
    with serving(respond) as server:
        assert isinstance(server, LocalServer)
        quickstart = {**QUICKSTART, "base_url": f"http://127.0.0.1:{server.port}"}
        try:
            with connected(quickstart, PMS, Console(file=shown, width=200)):
                done.append("block")
        except StartupError as error:
            done.append(str(error))
    return done, shown.getvalue()


SET, REMOVED = {"base_url": PMS.url, "credentials": {"token": PMS.token}}, {"base_url": None}


def test_the_connection_calls_the_pms_until_the_end_of_the_block():
    assert connecting() == ([SET, "test/", "block", REMOVED], "The stack calls Shop, which answers within 7 ms\n")


def test_a_stack_that_may_not_call_this_machine_gets_webhooks_only():
    done, shown = connecting(refuses=True)

    assert done == [SET, "block"]
    assert "OUTBOUND_ALLOW=127.0.0.1" in shown


def test_a_pms_that_cannot_be_called_ends_the_demo():
    done, _ = connecting(ok=False)

    assert done == [SET, "test/", REMOVED, "the stack cannot call the simulated PMS: It is broken."]


def test_another_pms_is_not_replaced_unless_it_was_of_a_demo():
    url = "https://pms.example/api"

    assert connecting(known=url)[0] == [f"the connection demo calls {url}: the demo would replace that"]
    assert connecting(known="http://127.0.0.1:1")[0] == [SET, "test/", "block", REMOVED]


def test_the_newest_version_of_a_level_counts_in_whatever_order_it_comes():
    watching = a_demo()

    def level(version: int, on_hand: int, sku: str = "A-1") -> dict:
        return {"sku": sku, "version": version, "on_hand": on_hand}

    watching.update({"type": "snapshot", "levels": [level(3, 10), level(1, 4, "B-1")]})
    watching.update({"type": "stock.changed", "level": level(5, 8)})
    watching.update({"type": "stock.changed", "level": level(4, 11)})
    watching.update({"type": "heartbeat"})

    assert watching.pushed == {"A-1": (8, 5), "B-1": (4, 1)}
    assert list(watching.changes) == [("A-1", "10 → 8")]
    assert watching.change_count == 2


@pytest.mark.parametrize(
    ("shown", "pushed", "differs"),
    [
        ((7, 2), {"A-1": (7, 2)}, False),
        ((8, 2), {"A-1": (8, 2)}, True),
        ((7, 2), {}, True),
        ((7, 2), {"A-1": (7, 1)}, True),
        ((7, 2), {"A-1": (6, 2)}, True),
        ((7, 2), {"A-1": (7, 3)}, True),
    ],
)
def test_the_pms_the_api_and_the_websocket_must_agree(shown, pushed, differs):
    assert bool(find_differences({"A-1": 7}, {"A-1": shown}, pushed)) == differs


def ask(*answers: httpx.Response | Exception) -> tuple[object, float]:
    """Asks a server that gives these answers in turn; returns the last one's JSON, and how many seconds it took."""
    left = list(answers)

    def answer(_: httpx.Request) -> httpx.Response:
        if isinstance(left[0], Exception):
            raise left.pop(0)
        return left.pop(0)

    async def request() -> object:
        asking = a_demo()
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as asking.http:
            return await asking.request("GET", "http://stack.test/", {})

    began = time.monotonic()
    result = asyncio.run(request())
    assert left == []
    return result, time.monotonic() - began


@pytest.mark.parametrize("status", [429, 503])
def test_a_request_that_has_to_wait_is_repeated_when_it_may(status):
    answer, seconds = ask(httpx.Response(status, headers={"Retry-After": "0.2"}), httpx.Response(202, json=[1]))

    assert answer == [1]
    assert seconds >= 0.2


def test_a_request_that_breaks_off_is_repeated(monkeypatch):
    monkeypatch.setattr(demo, "PAUSE_SECONDS", 0.01)

    assert ask(httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.Response(200, json={}))[0] == {}


def test_a_refused_request_ends_the_day():
    with pytest.raises(StartupError, match="answered 401"):
        ask(httpx.Response(401))


def test_a_server_that_is_always_busy_ends_the_day(monkeypatch):
    monkeypatch.setattr(demo, "REQUEST_TRIES", 3)

    with pytest.raises(StartupError, match="not answered in 3 tries"):
        ask(*[httpx.Response(429, headers={"Retry-After": "0"})] * 3)
