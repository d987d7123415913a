"""The PMS: it lives its day, and tells of it by signed webhooks."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

from pms_backend.standalone.demo.exceptions import DemoFailed
from pms_backend.standalone.demo.patience import PatientClient
from pms_backend.standalone.demo.plan import Day

AT_A_TIME = 8
ACCEPTED = 202
DUPLICATE = 200


@dataclass(slots=True)
class Tally:
    """How the webhooks were answered."""

    accepted: int = 0
    duplicates: int = 0

    @property
    def sent(self) -> int:
        """All that were answered."""
        return self.accepted + self.duplicates


class PMS:
    """Sends a planned day to one webhook URL."""

    def __init__(self, client: PatientClient, url: str, secret: str, run: str) -> None:
        self.tally = Tally()
        self._client = client
        self._url = url
        self._signer = Webhook(secret)
        self._run = run
        self._bodies: list[str] = []
        self._moment = datetime.now(UTC)

    def webhook_id(self, index: int) -> str:
        """Of the day's fact with this index."""
        return f"{self._run}-{index:05}"

    async def live(self, day: Day, rate: float) -> None:
        """Lets the day happen, `rate` facts a second (0: as fast as they are taken). Raises `DemoFailed`."""
        clock = asyncio.get_running_loop().time
        began_at = clock()
        free = asyncio.Semaphore(AT_A_TIME)
        async with asyncio.TaskGroup() as group:
            for tick, due in enumerate(day.deliveries):
                if rate:
                    await asyncio.sleep(began_at + tick / rate - clock())
                if tick < len(day.facts):
                    # It has happened now, whenever its webhook is delivered.
                    self._bodies.append(json.dumps(day.facts[tick].message(self._next_moment())))
                for index in due:
                    await free.acquire()
                    group.create_task(self._send(index)).add_done_callback(lambda _: free.release())

    def _next_moment(self) -> datetime:
        """Now, and later than the one before: of two facts at one moment nobody could say which is the newer."""
        self._moment = max(datetime.now(UTC), self._moment + timedelta(microseconds=1))
        return self._moment

    async def _send(self, index: int) -> None:
        webhook_id, body, now = self.webhook_id(index), self._bodies[index], datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(webhook_id, now, body),
        }
        answer = await self._client.request("POST", self._url, content=body, headers=headers)
        if answer.status_code == ACCEPTED:
            self.tally.accepted += 1
        elif answer.status_code == DUPLICATE:
            self.tally.duplicates += 1
        else:
            raise DemoFailed(f"{webhook_id} was answered {answer.status_code}: {answer.text[:300]}")
