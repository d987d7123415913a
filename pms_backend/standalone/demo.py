"""A simulated day of PMS webhooks, watched live over the WebSocket and checked at the end.

The demo uses the stack that runs on DATA_DIR, or starts one for as long as it lasts. Some webhooks are delivered late
and some twice. In the end the PMS, the API and the WebSocket must agree about the stock, and `manage.py audit_stock`
must find nothing wrong; otherwise the exit code is 1.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, NoReturn

import httpx
from rich.console import Console, Group
from rich.live import Live
from rich.progress import Progress
from rich.table import Table
from standardwebhooks import Webhook
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from pms_backend.standalone import PROJECT
from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.data_dir import DataDir, read_json
from pms_backend.standalone.exceptions import StartupError, report_startup_errors
from pms_backend.standalone.program import Process, Program

LOCATION = "main"
MOST_SKUS = 40
EVENT_WEIGHTS = {"sale": 62, "receipt": 12, "return": 8, "correction": 8, "count": 10}
LATE_SHARE, DUPLICATE_SHARE, MOST_LATE_TICKS = 0.15, 0.05, 8
CONCURRENT_REQUESTS, REQUEST_TRIES, PAGE_SIZE = 8, 20, 200
REQUEST_SECONDS, IDLE_SECONDS, PUSH_SECONDS, STOP_SECONDS, PAUSE_SECONDS, POLL_SECONDS = 30, 60, 20, 30, 1, 0.25
STACK, AUDIT = (sys.executable, "-m", "pms_backend.standalone"), (sys.executable, "manage.py", "audit_stock")
Level = tuple[int, int]  # on hand, version


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pms_backend.standalone.demo", description=__doc__)
    parser.add_argument("--events", type=int, default=600, help="how many stock events (600)")
    parser.add_argument("--rate", type=float, default=60, help="events a second (60); 0: as fast as possible")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # exits through what stops the stack
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    console = Console()
    with report_startup_errors(), running_stack(console) as quickstart:
        return asyncio.run(Demo(quickstart, console).run(arguments.events, arguments.rate))


@contextmanager
def running_stack(console: Console) -> Iterator[dict[str, Any]]:
    """Gives the quickstart.json of a stack that answers. Raises `StartupError`."""
    data_dir = DataDir(Configuration.from_environment(os.environ).data_dir)
    os.environ["DATA_DIR"] = str(data_dir.root)  # the commands run in the project's directory, the demo may not
    if quickstart := answering_stack(data_dir):
        console.print(f"Found the stack at {quickstart['base_url']}")
        yield quickstart
        return
    console.print("No stack is running: starting one …")
    lines = deque[str](maxlen=10)
    stack = Process(Program("stack", STACK, environment=os.environ), lines.append)
    try:
        while not (quickstart := answering_stack(data_dir)):
            if stack.exit_code() is not None:
                stack.finish_output()
                raise StartupError("the stack did not start", lines=tuple(lines))
            time.sleep(POLL_SECONDS)
        yield quickstart
    finally:
        console.print("Stopping the stack …")
        stack.ask_to_stop()
        if not stack.wait(STOP_SECONDS):
            stack.kill_group(signal.SIGKILL)


def answering_stack(data_dir: DataDir) -> dict[str, Any]:
    """The content of quickstart.json; {} if no stack answers at its address."""
    quickstart = read_json(data_dir.quickstart)
    try:
        httpx.get(f"{quickstart['base_url']}/health/live", timeout=REQUEST_SECONDS, trust_env=False)
    except (KeyError, httpx.TransportError):
        return {}
    return quickstart


class Day(NamedTuple):
    """Events in the order in which they happen, one a tick; (tick, event's index) of each webhook; the PMS's stock."""

    events: list[dict[str, Any]]
    webhooks: list[tuple[int, int]]
    closing: dict[str, int]


def plan_day(opening: Mapping[str, int], count: int, seed: str) -> Day:
    """Plans `count` events from the stock on hand; the same for the same seed."""
    day, chance = Day([], [], {}), random.Random(seed)  # noqa: S311 - a simulation, no secret
    skus = chance.sample(sorted(opening), min(MOST_SKUS, len(opening)))
    popularity = [1 / rank for rank in range(1, len(skus) + 1)]
    for index in range(count):
        sku = chance.choices(skus, popularity)[0]
        on_hand = day.closing.get(sku, opening[sku])
        # What is sold out is received before anything else happens to it.
        reason = chance.choices([*EVENT_WEIGHTS], [*EVENT_WEIGHTS.values()])[0] if on_hand > 0 else "receipt"
        deltas = {
            "sale": -min(chance.choice((1, 1, 1, 2, 3)), on_hand),
            "receipt": chance.randint(5, 30),
            "return": 1,
            "correction": chance.choice((-1, 1, 2)),
            "count": chance.choice((0, 0, 0, -1)),
        }
        day.closing[sku] = on_hand + deltas[reason]
        change = {"delta": deltas[reason], "reason": reason, "reference": f"{reason} {index}"}
        event = {"on_hand": day.closing[sku]} if reason == "count" else change
        day.events.append({"sku": sku, "location": LOCATION, **event})
        tick = index + (chance.randint(1, MOST_LATE_TICKS) if chance.random() < LATE_SHARE else 0)
        day.webhooks.append((tick, index))
        if chance.random() < DUPLICATE_SHARE:
            day.webhooks.append((tick + chance.randint(1, MOST_LATE_TICKS), index))
    day.webhooks.sort()
    return day


def levels_by_sku(levels: Iterable[dict[str, Any]]) -> dict[str, Level]:
    return {level["sku"]: (level["on_hand"], level["version"]) for level in levels}


def find_differences(closing: Mapping[str, int], shown: Mapping[str, Level], pushed: Mapping[str, Level]) -> list[str]:
    """Compares the stock of the PMS with what the API shows and what the WebSocket pushed last."""
    return [
        f"{sku}: the PMS has {on_hand}, the API {shown[sku]}, the WebSocket {pushed.get(sku)} (on hand, version)"
        for sku, on_hand in sorted(closing.items())
        if shown[sku][0] != on_hand or pushed.get(sku) != shown[sku]
    ]


class Demo:
    """One day against a running stack. Its methods raise `StartupError`."""

    def __init__(self, quickstart: Mapping[str, Any], console: Console) -> None:
        self.name = f"demo-{secrets.token_hex(4)}"
        self.quickstart, self.pms, self.console = quickstart, quickstart["pms"], console
        self.key = {"Authorization": f"Api-Key {quickstart['api_key']}"}
        self.pushed: dict[str, Level] = {}  # the newest that the WebSocket sent
        self.changes = deque[tuple[str, str]](maxlen=10)
        self.change_count = 0

    async def run(self, count: int, rate: float) -> int:
        """Lives a day of `count` events, `rate` a second, and returns the exit code."""
        api = f"{self.quickstart['base_url']}/api/v1"
        async with httpx.AsyncClient(base_url=api, timeout=REQUEST_SECONDS, trust_env=False) as self.http:
            watching, day = asyncio.create_task(self.watch()), asyncio.create_task(self.live(count, rate))
            await asyncio.wait((watching, day), return_when=asyncio.FIRST_COMPLETED)
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            return await day

    async def watch(self) -> NoReturn:
        """Keeps `pushed` up to date; a connection that breaks is made again. Its first message holds every level."""
        url = self.quickstart["ws_url"]
        while True:
            with suppress(ConnectionClosed, OSError):
                async with connect(url, additional_headers=self.key, max_size=None, proxy=None) as socket:
                    await socket.send(json.dumps({"action": "subscribe", "locations": [LOCATION]}))
                    async for text in socket:
                        self.update(json.loads(text))
            await asyncio.sleep(PAUSE_SECONDS)

    def update(self, message: Mapping[str, Any]) -> None:
        """Keeps the newest version of each level; messages may come in any order."""
        is_change = message["type"] == "stock.changed"
        self.change_count += is_change
        for sku, level in levels_by_sku([message["level"]] if is_change else message.get("levels", [])).items():
            before = self.pushed.get(sku, (0, -1))
            if level[1] > before[1]:
                self.pushed[sku] = level
                if is_change:
                    self.changes.append((sku, f"{before[0]} → {level[0]}"))

    def last_changes(self) -> Table:
        table = Table("SKU", "On hand", title=f"{self.change_count} changes pushed")
        for change in list(self.changes):
            table.add_row(*change)
        return table

    async def live(self, count: int, rate: float) -> int:
        """Plans, sends and checks the day, and shows it; returns the exit code."""
        before = await self.wait_until_processed()
        began_at = datetime.now(UTC)
        opening = {level["sku"]: level["on_hand"] for level in await self.every("/inventory/levels/")}
        if not opening:
            raise StartupError(f"there is no stock at the location {LOCATION}: the demo needs the sample data")
        day = plan_day(opening, count, seed=self.name)
        self.console.print(f"A day of {count} stock events in {len(day.webhooks)} webhooks, as {self.name}")
        progress = Progress(console=self.console)
        with Live(get_renderable=lambda: Group(progress, self.last_changes()), console=self.console):
            duplicates = await self.send(day, rate, progress)
            states = await self.wait_until_processed(before) - before
            others, problems = await self.check(day, began_at)
        result = Table("The day", "Count")
        counts = {"sent": len(day.webhooks), "duplicates, applied once": duplicates, **states}
        counts |= {"changes pushed": self.change_count, "SKUs": len(day.closing), "SKUs changed by others, too": others}
        for name, number in counts.items():
            result.add_row(name, str(number))
        if (missing := count - states["processed"] - states["ignored"]) > 0:
            problems.append(f"{missing} webhooks were accepted and not processed")
        self.console.print("", result, *problems, sep="\n", highlight=False, soft_wrap=True)
        self.console.print("[red]FAILED[/]" if problems else "[green]OK[/]: the PMS, API, WebSocket and ledger agree")
        return 1 if problems else 0

    async def send(self, day: Day, rate: float, progress: Progress) -> int:
        """Sends each webhook at its tick; returns how many were duplicates."""
        signer, bar = Webhook(self.pms["webhook_secret"]), progress.add_task("Webhooks", total=len(day.webhooks))
        slots, began, began_at = asyncio.Semaphore(CONCURRENT_REQUESTS), time.monotonic(), datetime.now(UTC)
        tick_seconds = max(1 / rate if rate else 0, 1e-6)  # two events of the same moment would have no order

        async def deliver(tick: int, index: int) -> bool:
            await asyncio.sleep(began + tick * tick_seconds - time.monotonic())
            moment = (began_at + timedelta(seconds=index * tick_seconds)).isoformat()
            data = {**day.events[index], "occurred_at": moment}
            kind = "inventory.updated" if "on_hand" in data else "inventory.adjusted"
            body = json.dumps({"type": kind, "timestamp": moment, "data": data})
            async with slots:
                webhook_id, now = f"{self.name}-{index:05}", datetime.now(UTC)
                headers = {
                    "content-type": "application/json", "webhook-id": webhook_id,
                    "webhook-timestamp": str(int(now.timestamp())),
                    "webhook-signature": signer.sign(webhook_id, now, body),
                }  # fmt: skip
                answer = await self.request("POST", self.pms["webhook_url"], headers, content=body)
            progress.advance(bar)
            return "duplicate" in answer

        return sum(await asyncio.gather(*(deliver(*webhook) for webhook in day.webhooks)))

    async def wait_until_processed(self, before: Counter[str] | None = None) -> Counter[str]:
        """Waits until no more PMS events are unfinished than `before`; returns how many are in which state."""
        path, known, deadline = f"/pms/events/summary/?connection={self.pms['connection']}", None, 0.0
        while True:
            states = Counter(await self.request("GET", path, self.key))
            waiting, at_work = states["failed"] + states["deferred"], states["received"] + states["processing"]
            if not at_work and (before is None or waiting <= before["failed"] + before["deferred"]):
                return states
            if states != known:
                known, deadline = states, time.monotonic() + IDLE_SECONDS
            if time.monotonic() > deadline:
                raise StartupError(f"nothing was processed for {IDLE_SECONDS} s: {dict(states)}")
            await asyncio.sleep(POLL_SECONDS)

    async def check(self, day: Day, began_at: datetime) -> tuple[int, list[str]]:
        """Returns how many SKUs others changed, which are not compared, and everything that is wrong."""
        shown = levels_by_sku(await self.every("/inventory/levels/"))
        deadline = time.monotonic() + PUSH_SECONDS
        while any(self.pushed.get(sku) != shown[sku] for sku in day.closing) and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        moved = await self.every("/inventory/movements/", since=began_at.isoformat())
        others = {movement["sku"] for movement in moved if not movement["request_id"].startswith(self.name)}
        closing = {sku: on_hand for sku, on_hand in day.closing.items() if sku not in others}
        audit = await asyncio.to_thread(subprocess.run, AUDIT, cwd=PROJECT, capture_output=True, text=True)
        wrong = [f"audit_stock: {audit.stdout}{audit.stderr}"] if audit.returncode else []
        return len(day.closing) - len(closing), find_differences(closing, shown, self.pushed) + wrong

    async def every(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        """All rows of a list that are of the location."""
        rows: list[dict[str, Any]] = []
        url, more = path, {"params": {"location": LOCATION, "page_size": PAGE_SIZE, **parameters}}
        while url:
            page = await self.request("GET", url, self.key, **more)
            rows, url, more = rows + page["results"], page["next"], {}
        return rows

    async def request(self, method: str, url: str, headers: Mapping[str, str], **more: Any) -> Any:
        """Repeats a request that fails or has to wait, so it must be safe to send twice; returns the answer's JSON."""
        for _ in range(REQUEST_TRIES):
            seconds: float = PAUSE_SECONDS
            with suppress(httpx.TransportError):
                answer = await self.http.request(method, url, headers=headers, **more)
                if answer.is_success:
                    return answer.json()
                if answer.status_code not in (429, 503):
                    raise StartupError(f"{method} {url} was answered {answer.status_code}: {answer.text[:300]}")
                seconds = float(answer.headers.get("Retry-After", seconds))
            await asyncio.sleep(seconds)
        raise StartupError(f"{method} {url} was not answered in {REQUEST_TRIES} tries")


if __name__ == "__main__":
    sys.exit(main())
