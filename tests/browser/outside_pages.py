"""The pages of webhooks, of API clients and of access, with endpoints that have sent for a day."""

from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone

from pms_backend.access import services as access
from pms_backend.access.models import ApiClient, AuditEntry
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.events.services import relay_pending
from tests.factories import make_product
from webhooks import services
from webhooks.models import Delivery, DeliveryAttempt, WebhookEndpoint

ANSWER: Final = '{"error": "the database is away", "retry": "in a minute", "trace": "' + "0123456789abcdef" * 8 + '"}'
# When the attempts of a delivery failed, in hours ago, and how they were answered.
BAD: Final = ((2.0, 500), (1.5, None), (0.5, 503))
ADDRESS: Final = "https://hooks.example.com/services/furniture-and-lamps/of-the-north/catalogue-and-stock"


def make_outside() -> dict[str, str]:
    """The addresses of pages by name."""
    failing, disabled = _endpoint("Shop of the North, catalogue and stock"), _endpoint("", is_active=False)
    delivery = _deliveries(failing)
    client = access.create_api_client(name="Shop of the North, all programs", scopes=[*ALL_SCOPES]).client
    access.create_api_client(name="Cash desks", scopes=["products:read"], signing=True)
    ApiClient.objects.filter(pk=client.pk).update(
        last_used_at=timezone.now(), last_request="PATCH /api/v1/products/1042/variants/", last_address="203.0.113.7"
    )
    entry = AuditEntry.objects.filter(action="product.updated").latest("pk")
    return {
        "endpoint": page_of(failing),
        "disabled-endpoint": page_of(disabled),
        **{f"{name}-endpoint": page_of(failing, name) for name in ("edit", "rotate", "replay", "disable", "send_test")},
        "enable-endpoint": page_of(disabled, "enable"),
        "endpoint-history": page_of(failing, "history"),
        "delivery": page_of(delivery),
        "redeliver": page_of(delivery, "redeliver"),
        "client": page_of(client),
        "new-key": page_of(client, "rotate"),
        "revoke-client": page_of(client, "revoke"),
        "audit-entry": page_of(entry),
        "user": page_of(User.objects.get(username="anna")),
        "role": page_of(Group.objects.get(name="Catalogue")),
        "password": reverse("admin:password_change"),
        "home": reverse("home"),
    }


def page_of(row: Model, page: str = "change") -> str:
    """The address of a page of a row."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=[row.pk])


def _endpoint(description: str, **more: Any) -> WebhookEndpoint:
    return services.create_endpoint(
        url=services.check_endpoint_url(ADDRESS),
        event_types=["product.*", "stock.changed", "reservation.created", "transfer.shipped"],
        description=description,
        headers={"X-Key": "secret-value"},
        **more,
    )


def _deliveries(endpoint: WebhookEndpoint) -> Delivery:
    """One that has failed three times, after a day of attempts most of which succeeded."""
    for number in range(3):
        make_product(f"NEW-{number}", name="New product")
    relay_pending()
    first, *others = Delivery.objects.filter(endpoint=endpoint).order_by("pk")
    now = timezone.now()
    good = [(others[0], 0.6 * hour, 200, 40 + 13 * (hour % 5), "ok") for hour in range(2, 40)]
    bad = [(first, hours, status, 10_000 if status is None else 131, ANSWER) for hours, status in BAD]
    DeliveryAttempt.objects.bulk_create(
        DeliveryAttempt(
            delivery=delivery,
            endpoint=endpoint,
            at=now - timedelta(hours=hours),
            status=status,
            ms=ms,
            answer="" if status is None else answer,
            error="No answer within 10 seconds." if status is None else "",
        )
        for delivery, hours, status, ms, answer in good + bad
    )
    Delivery.objects.filter(pk=first.pk).update(tries=len(BAD), next_attempt_at=now + timedelta(hours=2))
    Delivery.objects.filter(pk=others[0].pk).update(status="delivered", tries=1, next_attempt_at=None)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        failures=len(BAD),
        failing_since=now - timedelta(hours=2),
        last_failure_at=now,
        last_success_at=now - timedelta(hours=2),
        next_try_at=now + timedelta(hours=2),
        failed_from=first.sequence,
    )
    return first
