"""Sends the webhooks of the outbox, one at a time, signed as Standard Webhooks."""

import binascii
import threading
from typing import Final

import httpx
from standardwebhooks import Webhook as Signer
from standardwebhooks.webhooks import EmptyWebhookSecretError

from pms_integration.simulator.outbox import Outbox, Webhook
from pms_integration.simulator.simulation import Simulation
from pms_integration.simulator.storage import count

# Waiting for a webhook to become due.
POLL_SECONDS: Final = 0.2
# The first is after 1 s, each next after twice as long, or after `Retry-After`; at most so long.
MAX_RETRY_SECONDS: Final = 30.0
# Sent again these would get the same answer.
PERMANENT: Final = frozenset({400, 413, 415, 422})


def subscribe(outbox: Outbox, url: str, secret: str) -> None:
    """Says where webhooks go and what signs them; an empty URL ends it. Raises `ValueError`."""
    try:
        if url and httpx.URL(url).scheme not in ("http", "https"):
            raise ValueError("The URL of the webhooks must begin with http:// or https://.")
        if url:
            Signer(secret)
    except (httpx.InvalidURL, binascii.Error, EmptyWebhookSecretError) as error:
        raise ValueError(f"Webhooks cannot be sent so: {error}") from None
    outbox.url, outbox.secret = url, secret
    outbox.changed.set()


def deliver(simulation: Simulation, webhook: Webhook) -> int | None:
    """Sends a webhook once and stores the outcome; returns the status, None where there was no answer.

    A webhook that is not taken is sent again later, under the same id.
    """
    outbox, headers = simulation.outbox, _headers(simulation, webhook)
    try:
        response = simulation.client.post(outbox.url, content=webhook.body.encode(), headers=headers)
        status: int | None = response.status_code
        wait = response.headers.get("Retry-After", "")
    except httpx.HTTPError:
        status, wait = None, ""
    with simulation.storage.transaction() as db:
        count(db, f"webhooks.attempts.{status or 'nothing'}")
        if status is not None and 200 <= status < 300:
            count(db, "webhooks.delivered")
            outbox.remove(db, webhook)
        elif status in PERMANENT:
            count(db, "webhooks.refused")
            outbox.refuse(db, webhook)
        else:
            seconds = float(wait) if wait.isdecimal() else 2.0 ** min(webhook.attempts, 10)
            outbox.postpone(db, webhook, min(seconds, MAX_RETRY_SECONDS))
    return status


def _headers(simulation: Simulation, webhook: Webhook) -> dict[str, str]:
    """The signature is of the time of the PMS's clock: one that is 5 minutes wrong is refused."""
    now = simulation.clock.now()
    return {
        "content-type": "application/json",
        "webhook-id": webhook.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(simulation.outbox.secret).sign(webhook.id, now, webhook.body),
    }


class WebhookSender(threading.Thread):
    """Sends what is due until it is stopped."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(name="webhooks", daemon=True)
        self._simulation = simulation
        self._is_stopped = threading.Event()

    def run(self) -> None:
        """Takes the first of those that are due, again and again."""
        outbox = self._simulation.outbox
        while not self._is_stopped.is_set():
            outbox.changed.clear()
            if (webhook := self._next()) is not None:
                deliver(self._simulation, webhook)
            else:
                outbox.changed.wait(POLL_SECONDS)

    def stop(self) -> None:
        """Waits for the webhook that is being sent."""
        self._is_stopped.set()
        self._simulation.outbox.changed.set()
        self.join()

    def _next(self) -> Webhook | None:
        outbox = self._simulation.outbox
        if outbox.is_paused or not outbox.url:
            return None
        with self._simulation.storage.transaction() as db:
            return outbox.next_due(db)
