"""A day of a simulated PMS, watched live over the WebSocket and checked at the end.

The demo uses the stack that runs on DATA_DIR, or starts one for as long as it lasts. Beside it runs a simulated PMS
(`python -m pms_integration.simulator`) with some of our products, which sells, receives and counts them: its webhooks
come late, in another order, and twice. In the end the PMS, the API and the WebSocket must agree about the stock, and
`manage.py audit_stock` must find nothing wrong; otherwise the exit code is 1.
"""

import argparse
import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NoReturn

import httpx
from rich.console import Console, Group
from rich.live import Live
from rich.progress import Progress
from rich.table import Table
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from pms_backend.standalone import PROJECT
from pms_backend.standalone.demo_pms import SimulatedPMS, choose_event, simulated_pms
from pms_backend.standalone.demo_stack import connected, running_stack
from pms_backend.standalone.env_file import load_env_file
from pms_backend.standalone.exceptions import StartupError, report_startup_errors

LOCATION = "main"
MOST_SKUS = 40
REQUEST_TRIES, PAGE_SIZE = 20, 200
REQUEST_SECONDS, IDLE_SECONDS, PUSH_SECONDS, PAUSE_SECONDS, POLL_SECONDS = 30, 60, 20, 1, 0.25
AUDIT = (sys.executable, "manage.py", "audit_stock")
Level = tuple[int, int]  # on hand, version


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pms_backend.standalone.demo", description=__doc__)
    parser.add_argument("--events", type=int, default=600, help="how many stock events (600)")
    parser.add_argument("--rate", type=float, default=60, help="events a second (60); 0: as fast as possible")
    parser.add_argument("--seed", default="1", help="of what happens in the PMS, and of its faults (1)")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # exits through what stops the stack
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    console = Console()
    with report_startup_errors():
        load_env_file()
    with (
        report_startup_errors(),
        simulated_pms(seed=arguments.seed, location=LOCATION) as pms,
        running_stack(console, pms.destination) as quickstart,
        connected(quickstart, pms, console),
    ):
        show_addresses(quickstart, pms, console)
        demo = Demo(quickstart, pms, console, random.Random(arguments.seed))  # noqa: S311 - a simulation, no secret
        return asyncio.run(demo.run(arguments.events, arguments.rate))


def show_addresses(quickstart: Mapping[str, Any], pms: SimulatedPMS, console: Console) -> None:
    """What one can look at meanwhile."""
    base, slug = quickstart["base_url"], quickstart["pms"]["connection"]
    for name, address in {
        "The connection": f"{base}/admin/pms_integration/pmsconnection/",
        "What the PMS sent": f"{base}/admin/pms_integration/pmsevent/",
        "Its stock and ours": f"{base}/admin/pms_integration/pmsstock/",
        "The API": f"{base}/api/v1/pms/connections/{slug}/",
        "The PMS itself": f'curl -H "Authorization: Bearer {pms.token}" {pms.url}/_simulator/state',
    }.items():
        console.print(f"  {name:<20}{address}", highlight=False, soft_wrap=True)


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
    """One day of a PMS beside a running stack. Its methods raise `StartupError`."""

    def __init__(
        self, quickstart: Mapping[str, Any], pms: SimulatedPMS, console: Console, chance: random.Random
    ) -> None:
        self.quickstart, self.pms, self.console, self.chance = quickstart, pms, console, chance
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
        """Lets the PMS live its day, checks it, and shows both; returns the exit code."""
        before = await self.processed()
        began_at = datetime.now(UTC)
        levels = await self.every("/inventory/levels/", location=LOCATION)
        stock = await self.fill({level["sku"]: level["on_hand"] for level in levels})
        progress = Progress(console=self.console)
        with Live(get_renderable=lambda: Group(progress, self.last_changes()), console=self.console):
            bar = progress.add_task("In the PMS", total=count)
            for _ in range(count):
                await asyncio.gather(self.happen(stock), asyncio.sleep(1 / rate if rate else 0))
                progress.advance(bar)
            sent = await self.delivered()
            states = await self.processed(before) - before
            others, problems = await self.check(stock, began_at)
        result = Table("The day", "Count")
        counts = {
            name: sent[f"webhooks.{name}"] for name in ("announced", "late", "reordered", "duplicated", "delivered")
        }
        counts |= {**states, "changes pushed": self.change_count, "SKUs": len(stock)}
        for name, number in {**counts, "SKUs changed by others, too": others}.items():
            result.add_row(name, str(number))
        if missing := count - states["processed"] - states["ignored"]:
            problems.append(f"{missing} webhooks were not processed, and {sent['webhooks.refused']} refused")
        self.console.print("", result, *problems, sep="\n", highlight=False, soft_wrap=True)
        self.console.print("[red]FAILED[/]" if problems else "[green]OK[/]: the PMS, API, WebSocket and ledger agree")
        return 1 if problems else 0

    async def fill(self, opening: Mapping[str, int]) -> dict[str, int]:
        """Gives the PMS some of our products with our stock of them, and then our address; returns that stock."""
        if not opening:
            raise StartupError(f"there is no stock at the location {LOCATION}: the demo needs the sample data")
        stock: dict[str, int] = {}
        products = await self.every("/products/")
        for product in self.chance.sample(products, len(products)):
            skus = [variant["sku"] for variant in product["variants"] if variant["sku"] in opening]
            if skus and len(stock) < MOST_SKUS:
                await self.control("products?silent=1", **{**product, "id": None})
            for sku in skus if len(stock) < MOST_SKUS else ():
                stock[sku] = opening[sku]
                await self.control("stock/count?silent=1", sku=sku, location=LOCATION, on_hand=opening[sku])
        pms = self.quickstart["pms"]
        await self.control("webhooks", url=pms["webhook_url"], secret=pms["webhook_secret"])
        return stock

    async def happen(self, stock: dict[str, int]) -> None:
        """Lets something happen to one of the SKUs in the PMS, the first ones more often."""
        sku = self.chance.choices([*stock], [1 / rank for rank in range(1, len(stock) + 1)])[0]
        kind, values = choose_event(stock[sku], self.chance)
        stock[sku] = (await self.control(f"stock/{kind}", sku=sku, location=LOCATION, **values))["on_hand"]

    async def control(self, path: str, **values: Any) -> Any:
        """Does something on the PMS's own side."""
        return await self.request("POST", f"{self.pms.url}/_simulator/{path}", self.pms.headers, json=values)

    async def delivered(self) -> Counter[str]:
        """Waits until the PMS has sent all webhooks; returns its counters."""

        def is_done(counters: Counter[str]) -> bool:
            ended = counters["webhooks.delivered"] + counters["webhooks.refused"]
            return ended >= counters["webhooks.announced"] + counters["webhooks.duplicated"]

        return await self.counted(f"{self.pms.url}/_simulator/counters", self.pms.headers, is_done)

    async def processed(self, before: Counter[str] | None = None) -> Counter[str]:
        """Waits until no more PMS events are unfinished than `before`; returns how many are in which state."""

        def is_done(states: Counter[str]) -> bool:
            waiting, at_work = states["failed"] + states["deferred"], states["received"] + states["processing"]
            return not at_work and (before is None or waiting <= before["failed"] + before["deferred"])

        path = f"/pms/events/summary/?connection={self.quickstart['pms']['connection']}"
        return await self.counted(path, self.key, is_done)

    async def counted(
        self, url: str, headers: Mapping[str, str], is_done: Callable[[Counter[str]], bool]
    ) -> Counter[str]:
        """Waits for counts that are final."""
        known, deadline = None, 0.0
        while True:
            counts = Counter(await self.request("GET", url, headers))
            if is_done(counts):
                return counts
            if counts != known:
                known, deadline = counts, time.monotonic() + IDLE_SECONDS
            if time.monotonic() > deadline:
                raise StartupError(f"nothing was processed for {IDLE_SECONDS} s: {dict(counts)}")
            await asyncio.sleep(POLL_SECONDS)

    async def check(self, closing: Mapping[str, int], began_at: datetime) -> tuple[int, list[str]]:
        """Returns how many SKUs others changed, which are not compared, and everything that is wrong."""
        shown = levels_by_sku(await self.every("/inventory/levels/", location=LOCATION))
        deadline = time.monotonic() + PUSH_SECONDS
        while any(self.pushed.get(sku) != shown[sku] for sku in closing) and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        moved = await self.every("/inventory/movements/", location=LOCATION, since=began_at.isoformat())
        actor = f"pms:{self.quickstart['pms']['connection']}"
        others = {movement["sku"] for movement in moved if movement["actor"] != actor}
        compared = {sku: on_hand for sku, on_hand in closing.items() if sku not in others}
        audit = await asyncio.to_thread(subprocess.run, AUDIT, cwd=PROJECT, capture_output=True, text=True)
        wrong = [f"audit_stock: {audit.stdout}{audit.stderr}"] if audit.returncode else []
        return len(closing) - len(compared), find_differences(compared, shown, self.pushed) + wrong

    async def every(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        """All rows of a list."""
        rows: list[dict[str, Any]] = []
        url, more = path, {"params": {"page_size": PAGE_SIZE, **parameters}}
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
