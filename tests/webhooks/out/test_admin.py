"""The admin of endpoints and deliveries."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pms_backend.events.services import relay_pending
from tests.factories import make_product
from tests.outbound.servers import LocalServer
from webhooks import services
from webhooks.admin.endpoints import page_of
from webhooks.models import Delivery, WebhookEndpoint

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def endpoint(subscriber: LocalServer) -> WebhookEndpoint:
    return services.create_endpoint(
        url=services.check_endpoint_url(f"http://127.0.0.1:{subscriber.port}/hook"),
        event_types=["product.*"],
        description="Shop",
        headers={"X-Shop": "secret-value"},
    )


def send(sku: str) -> None:
    make_product(sku)
    relay_pending()
    services.send_due_deliveries()


def test_an_endpoint_is_made_and_its_secret_shown_once(admin_client: Client, subscriber: LocalServer):
    url = f"http://127.0.0.1:{subscriber.port}/hook"
    made = admin_client.post(
        reverse("admin:webhooks_webhookendpoint_add"),
        {"url": url, "description": "Shop", "event_types": "product.*\nstock.low", "headers": "X-Shop: secret-value"},
        follow=True,
    )

    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.event_types, endpoint.header_values) == (["product.*", "stock.low"], {"X-Shop": "secret-value"})
    assert endpoint.secret in made.content.decode()
    page = admin_client.get(page_of(endpoint)).content.decode()
    assert endpoint.secret not in page
    assert "secret-value" not in page
    assert "X-Shop: set" in page


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"url": "http://10.0.0.1/"}, "10.0.0.1"),
        ({"event_types": "stok.*"}, "There is no event type stok.*"),
        ({"headers": "webhook-id: x"}, "sent by us"),
        ({"headers": "nonsense"}, "is not a name and a value"),
    ],
)
def test_what_cannot_be_used_is_said_in_the_form(
    admin_client: Client, subscriber: LocalServer, values: dict[str, str], says: str
):
    good = {"url": f"http://127.0.0.1:{subscriber.port}/", "event_types": "*", "description": "", "headers": ""}

    answer = admin_client.post(reverse("admin:webhooks_webhookendpoint_add"), good | values)

    assert says in answer.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_a_delivery_is_sent_again(admin_client: Client, endpoint: WebhookEndpoint, subscriber: LocalServer):
    send("A-1")
    delivery = Delivery.objects.get()

    admin_client.post(reverse("admin:webhooks_delivery_redeliver", args=[delivery.pk]), {"confirm": "1"})
    services.send_due_deliveries()

    assert [json.loads(one.body)["sequence"] for one in subscriber.received] == [delivery.sequence] * 2


def test_it_is_edited_disabled_and_enabled_with_what_it_has_missed(
    admin_client: Client, endpoint: WebhookEndpoint, subscriber: LocalServer
):
    def post(name: str, **values: str) -> None:
        page = reverse(f"admin:webhooks_webhookendpoint_{name}", args=[endpoint.pk])
        answer = admin_client.post(page, values or {"confirm": "1"})
        assert answer.status_code == 302, answer.content.decode()

    post("edit", url=endpoint.url, event_types="*", description="Shop", headers="X-Shop:\nX-Other: 1")
    endpoint.refresh_from_db()
    assert (endpoint.event_types, endpoint.header_values) == (["*"], {"X-Other": "1"})
    post("disable")
    make_product("A-1")
    relay_pending()
    endpoint.refresh_from_db()
    assert (endpoint.is_active, Delivery.objects.count()) == (False, 0)

    post("enable", replay="on")
    services.send_due_deliveries()

    kinds = [json.loads(one.body)["type"] for one in subscriber.received]
    assert "product.created" in kinds


def test_a_period_is_sent_once_more(admin_client: Client, endpoint: WebhookEndpoint, subscriber: LocalServer):
    send("A-1")
    since = timezone.localtime(timezone.now() - timedelta(hours=1))

    admin_client.post(
        reverse("admin:webhooks_webhookendpoint_replay", args=[endpoint.pk]),
        {"since_0": f"{since:%Y-%m-%d}", "since_1": f"{since:%H:%M:%S}", "until_0": "", "until_1": ""},
    )
    services.send_due_deliveries()

    first, again = subscriber.received
    assert first.headers["webhook-id"] == again.headers["webhook-id"]


def test_a_test_is_sent_and_the_secret_rotated(
    admin_client: Client, endpoint: WebhookEndpoint, subscriber: LocalServer
):
    admin_client.post(reverse("admin:webhooks_webhookendpoint_send_test", args=[endpoint.pk]), {"confirm": "1"})
    relay_pending()
    services.send_due_deliveries()
    assert [json.loads(one.body)["type"] for one in subscriber.received] == ["webhook.test"]

    shown = admin_client.post(
        reverse("admin:webhooks_webhookendpoint_rotate", args=[endpoint.pk]), {"at_once": "on"}, follow=True
    )

    before = endpoint.secret
    endpoint.refresh_from_db()
    assert endpoint.secret != before
    assert endpoint.secret in shown.content.decode()
    assert endpoint.previous_secret is None


@pytest.mark.parametrize("name", ["webhookendpoint", "delivery"])
def test_a_list_costs_the_same_for_any_number(
    admin_client: Client,
    endpoint: WebhookEndpoint,
    django_assert_num_queries: Callable[..., object],
    name: str,
):
    page = reverse(f"admin:webhooks_{name}_changelist")
    send("A-1")
    admin_client.get(page)
    with CaptureQueriesContext(connection) as few:
        admin_client.get(page)
    for number in range(5):
        send(f"B-{number}")
        services.create_endpoint(url=endpoint.url, event_types=["*"])  # type: ignore[arg-type]
    with django_assert_num_queries(len(few)):
        admin_client.get(page)


def test_an_endpoint_is_deleted_with_its_deliveries(admin_client: Client, endpoint: WebhookEndpoint):
    send("A-1")

    admin_client.post(reverse("admin:webhooks_webhookendpoint_delete", args=[endpoint.pk]), {"confirm": "1"})

    assert not WebhookEndpoint.objects.exists()
    assert not Delivery.objects.exists()


def test_endpoints_are_deleted_from_the_list_with_their_deliveries(admin_client: Client, endpoint: WebhookEndpoint):
    send("A-1")
    chosen = {"action": "delete_selected", "_selected_action": [endpoint.pk]}
    listed = reverse("admin:webhooks_webhookendpoint_changelist")

    asked = admin_client.post(listed, chosen)
    admin_client.post(listed, {**chosen, "post": "yes"})

    assert asked.context["deletable_objects"] == [[str(endpoint)]]
    assert (WebhookEndpoint.objects.exists(), Delivery.objects.exists()) == (False, False)
