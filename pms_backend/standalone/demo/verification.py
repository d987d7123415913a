"""After the day: whether everything that was said has become true."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pms_backend.standalone.demo.api import API
from pms_backend.standalone.demo.exceptions import DemoFailed
from pms_backend.standalone.demo.plan import LOCATION
from pms_backend.standalone.demo.watching import StockView

AT_WORK = ("received", "processing")
WAITING = ("failed", "deferred")
PATIENCE_SECONDS = 60.0
PUSH_PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the PMS did in a run, and what it has on hand since then."""

    run: str
    began_at: datetime
    figures: Mapping[str, int]
    webhook_ids: set[str]


@dataclass(frozen=True, slots=True)
class Findings:
    """What became of the webhooks, and what is not as it should be."""

    outcomes: Counter[str]
    checked: int
    skipped: int  # SKUs that others changed meanwhile, so that the PMS's own figure is not the whole story
    differences: list[str]


async def wait_until_applied(api: API, most_waiting: int | None = None) -> int:
    """Until no PMS event is at work and at most so many wait for something; returns how many do. Raises `DemoFailed`.

    What others left waiting is not this day's business; None: however many.
    """
    clock = asyncio.get_running_loop().time
    known: dict[str, int] = {}
    deadline = clock() + PATIENCE_SECONDS
    while True:
        states = await api.events_in_states()
        if states != known:
            known, deadline = states, clock() + PATIENCE_SECONDS
        waiting = sum(states.get(state, 0) for state in WAITING)
        if not any(states.get(state) for state in AT_WORK) and (most_waiting is None or waiting <= most_waiting):
            return waiting
        if clock() > deadline:
            raise DemoFailed(f"not everything is applied, and nothing moved for {PATIENCE_SECONDS:.0f} s: {states}")
        await asyncio.sleep(POLL_SECONDS)


async def verify(api: API, view: StockView, expectation: Expectation) -> Findings:
    """Compares the API's levels with their ledgers, with the socket's, and with the PMS's own figures."""
    expected, levels = expectation.figures, await api.levels()
    await _wait_until_pushed(view, {sku: levels[sku]["version"] for sku in expected})
    ledgers = await api.ledgers(expected)
    skipped = {sku for sku in expected if _others_moved(ledgers[sku], expectation)}
    events = await api.events_named(expectation.webhook_ids)
    differences = _lost(events, expectation.webhook_ids)
    for sku, on_hand in sorted(expected.items()):
        told = view.levels.get((sku, LOCATION))
        differences += compare(levels[sku], ledgers[sku], told, expected=None if sku in skipped else on_hand)
    return Findings(Counter(map(_outcome, events)), len(expected), len(skipped), differences)


def compare(
    level: dict[str, Any], ledger: list[dict[str, Any]], told: dict[str, Any] | None, *, expected: int | None
) -> list[str]:
    """What does not agree about one level; nothing where all does."""
    sku, on_hand = level["sku"], level["on_hand"]
    total = sum(movement["delta"] for movement in ledger)
    found = []
    if total != on_hand:
        found.append(f"{sku}: the API says {on_hand}, its movements add up to {total}")
    if told is None:
        found.append(f"{sku}: the socket has never told of it")
    elif (told["version"], told["on_hand"]) != (level["version"], on_hand):
        found.append(
            f"{sku}: the socket's last is {told['on_hand']} in version {told['version']}, "
            f"the API's {on_hand} in version {level['version']}"
        )
    if expected is not None and expected != on_hand:
        found.append(f"{sku}: the PMS has {expected}, the API says {on_hand}")
    return found


async def _wait_until_pushed(view: StockView, versions: Mapping[str, int]) -> None:
    """Until the socket has caught up, or is late; the comparison says which."""
    deadline = asyncio.get_running_loop().time() + PUSH_PATIENCE_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        if all(view.version((sku, LOCATION)) >= version for sku, version in versions.items()):
            return
        await asyncio.sleep(POLL_SECONDS)


def _others_moved(ledger: list[dict[str, Any]], day: Expectation) -> bool:
    """Whether somebody else changed it during the day; a movement of ours has its webhook's id as the request's."""
    new = (movement for movement in ledger if datetime.fromisoformat(movement["created_at"]) >= day.began_at)
    return any(not movement["request_id"].startswith(day.run) for movement in new)


def _lost(events: list[dict[str, Any]], webhook_ids: set[str]) -> list[str]:
    missing = sorted(webhook_ids - {event["webhook_id"] for event in events})
    unfinished = [event for event in events if event["status"] not in ("processed", "ignored")]
    return [f"{webhook_id} was accepted and is not there" for webhook_id in missing] + [
        f"{event['webhook_id']} is {event['status']}: {event['reason']}" for event in unfinished
    ]


def _outcome(event: dict[str, Any]) -> str:
    return "applied" if event["status"] == "processed" else event["reason"] or event["status"]
