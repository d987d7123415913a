"""What the demo reads of the API."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from pms_backend.standalone.demo.exceptions import DemoFailed
from pms_backend.standalone.demo.patience import PatientClient
from pms_backend.standalone.demo.plan import LOCATION

PAGE_SIZE = 200
AT_A_TIME = 4
OK = 200


class API:
    """Reads with one key."""

    def __init__(self, client: PatientClient, base_url: str, key: str, connection: str) -> None:
        self._client = client
        self._root = f"{base_url}/api/v1"
        self._headers = {"Authorization": f"Api-Key {key}"}
        self._connection = connection

    async def levels(self) -> dict[str, dict[str, Any]]:
        """Every level of the location, by SKU."""
        return {level["sku"]: level async for level in self._every("/inventory/levels/", location=LOCATION)}

    async def ledgers(self, skus: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """All movements of each SKU at the location, newest first."""
        some = asyncio.Semaphore(AT_A_TIME)

        async def ledger(sku: str) -> tuple[str, list[dict[str, Any]]]:
            async with some:
                return sku, [row async for row in self._every("/inventory/movements/", sku=sku, location=LOCATION)]

        return dict(await asyncio.gather(*map(ledger, skus)))

    async def events_in_states(self) -> dict[str, int]:
        """How many of the connection's PMS events are in which state."""
        summary: dict[str, int] = await self._get("/pms/events/summary/", connection=self._connection)
        return summary

    async def events_named(self, webhook_ids: set[str]) -> list[dict[str, Any]]:
        """The PMS events with these ids; the newest are looked at first."""
        found: list[dict[str, Any]] = []
        async for event in self._every("/pms/events/", connection=self._connection):
            if event["webhook_id"] in webhook_ids:
                found.append(event)
            if len(found) == len(webhook_ids):
                break
        return found

    async def _every(self, path: str, **parameters: Any) -> AsyncIterator[dict[str, Any]]:
        page = await self._get(path, page_size=PAGE_SIZE, **parameters)
        while True:
            for row in page["results"]:
                yield row
            if not page["next"]:
                return
            page = await self._get(page["next"])

    async def _get(self, path: str, **parameters: Any) -> Any:
        url = path if path.startswith("http") else self._root + path
        answer = await self._client.request("GET", url, headers=self._headers, params=parameters or None)
        if answer.status_code != OK:
            raise DemoFailed(f"GET {url} was answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()
