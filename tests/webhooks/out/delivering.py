"""Endpoints, events for them, and what their subscribers have received."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone
from standardwebhooks import Webhook

from pms_backend.events.services import relay_pending
from tests.events.examples import ThingHappened, happen
from tests.outbound.servers import LocalServer, Received
from webhooks import services
from webhooks.models import Delivery, WebhookEndpoint, unsettled
from webhooks.services.endpoints import EndpointURL


def make_endpoint(
    server: LocalServer | str = "http://127.0.0.1:9/", types: Iterable[str] = ("*",), **more: Any
) -> WebhookEndpoint:
    """An endpoint at a subscriber or a URL; of types that only the tests know too."""
    url = server if isinstance(server, str) else f"http://127.0.0.1:{server.port}/hook/"
    endpoint = services.create_endpoint(url=EndpointURL(url), event_types=["*"], **more)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(event_types=list(types))
    return read(endpoint)


def read(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """The endpoint as it is stored now."""
    return WebhookEndpoint.objects.get(pk=endpoint.pk)


def publish(*things: str, kind: type[ThingHappened] = ThingHappened) -> None:
    """Records an event for each thing, and publishes them."""
    happen(*things, kind=kind)
    relay_pending()


def send_all() -> int:
    """Sends what is due, as the task does."""
    return services.send_due_deliveries()


def make_due() -> None:
    """The next attempts are due now, and no endpoint is held up."""
    unsettled().update(next_attempt_at=timezone.now())
    WebhookEndpoint.objects.update(next_try_at=None)


def chain(endpoint: WebhookEndpoint) -> list[tuple[int, int | None]]:
    """Sequence and previous sequence of its deliveries, in the order of the feed."""
    rows = Delivery.objects.filter(endpoint=endpoint).order_by("sequence", "id")
    return list(rows.values_list("sequence", "previous_sequence"))


def statuses(endpoint: WebhookEndpoint) -> list[str]:
    """The states of its deliveries, in the order of the feed."""
    rows = Delivery.objects.filter(endpoint=endpoint).order_by("sequence", "id")
    return list(rows.values_list("status", flat=True))


def bodies(received: Iterable[Received]) -> list[dict[str, Any]]:
    """What was received, in the order of its arrival."""
    return [json.loads(one.body) for one in received]


def sequences(received: Iterable[Received]) -> list[int]:
    """The sequences that were received, in the order of their arrival."""
    return [body["sequence"] for body in bodies(received)]


def verified(secret: str, received: Received) -> Any:
    """The body, if the signature is one by this secret."""
    return Webhook(secret).verify(received.body, dict(received.headers))


def move_back(endpoint: WebhookEndpoint, by: timedelta) -> None:
    """All that has happened to the endpoint has happened earlier."""
    moments = ("failing_since", "last_failure_at", "next_try_at", "disabled_at", "last_success_at", "created_at")
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**{name: F(name) - by for name in moments})
    Delivery.objects.filter(endpoint=endpoint).update(created_at=F("created_at") - by)
    unsettled(endpoint=endpoint).update(next_attempt_at=F("next_attempt_at") - by)
