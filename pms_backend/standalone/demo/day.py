"""The whole demo against a running stack."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn

import httpx
from rich.console import Console

from pms_backend.standalone.demo.api import API
from pms_backend.standalone.demo.exceptions import DemoFailed
from pms_backend.standalone.demo.patience import PatientClient
from pms_backend.standalone.demo.plan import LOCATION, closing_stock, plan_day
from pms_backend.standalone.demo.pms import PMS, Tally
from pms_backend.standalone.demo.screen import Screen, screen_for, show_result
from pms_backend.standalone.demo.verification import Expectation, verify, wait_until_applied
from pms_backend.standalone.demo.watching import StockView, watch

REFRESH_SECONDS = 0.1
SUBSCRIBE_SECONDS = 30.0
REQUEST_SECONDS = 30.0


async def live_a_day(quickstart: Mapping[str, Any], *, count: int, rate: float, console: Console) -> bool:
    """Sends a day of `count` facts and shows what becomes of it; whether everything agrees. Raises `DemoFailed`."""
    run, view, subscribed = f"demo-{secrets.token_hex(4)}", StockView(), asyncio.Event()
    key, demo = quickstart["api_key"], quickstart["pms"]
    # Straight to the stack, whatever proxies the environment knows.
    async with (
        httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False) as http,
        beside(watch(quickstart["ws_url"], key, view, subscribed)),
    ):
        client = PatientClient(http)
        api = API(client, quickstart["base_url"], key, demo["connection"])
        await _require_subscribed(subscribed)
        waiting = await wait_until_applied(api)
        began_at = datetime.now(UTC)
        opening = {sku: level["on_hand"] for sku, level in (await api.levels()).items()}
        if not opening:
            raise DemoFailed(f"nothing lies at the location {LOCATION}: the demo needs the sample data")
        day = plan_day(opening, count, seed=run)
        console.print(f"A day of {count} stock events in {day.delivery_count} webhooks, as {run}")
        pms = PMS(client, demo["webhook_url"], demo["webhook_secret"], run)
        expectation = Expectation(
            run=run,
            began_at=began_at,
            figures=closing_stock(opening, day.facts),
            webhook_ids={pms.webhook_id(index) for index in range(count)},
        )
        with screen_for(console, day.delivery_count) as screen:
            async with beside(_refresh(screen, pms.tally, view)):
                await pms.live(day, rate)
                await wait_until_applied(api, waiting)
                findings = await verify(api, view, expectation)
    show_result(console, pms.tally, client.waits, view, findings)
    return not findings.differences


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, NoReturn]) -> AsyncIterator[None]:
    """Endless work beside what is done within: it ends with that, and that ends if it fails."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()


async def _require_subscribed(subscribed: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(SUBSCRIBE_SECONDS):
            await subscribed.wait()
    except TimeoutError:
        raise DemoFailed(f"the socket told nothing within {SUBSCRIBE_SECONDS:.0f} s") from None


async def _refresh(screen: Screen, tally: Tally, view: StockView) -> NoReturn:
    while True:
        screen.show(tally, view)
        await asyncio.sleep(REFRESH_SECONDS)
