"""The page of a delivery shows what is sent and what was answered, and keeps secrets."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from standardwebhooks import Webhook

from pms_backend.events.models import Event
from tests.factories import make_product
from tests.staff import staff_with, superuser
from tests.webhooks.out.attempts import make_attempts
from tests.webhooks.out.delivering import make_endpoint, publish
from webhooks.delivery_words import next_try_in_words, state_in_words
from webhooks.models import Delivery, DeliveryAttempt, DeliveryStatus, WebhookEndpoint
from webhooks.services.messages import body_of, stored_events

pytestmark = pytest.mark.django_db

ATTEMPT = DeliveryAttempt(status=500, ms=1_134)


def page(delivery: Delivery) -> str:
    return reverse("admin:webhooks_delivery_change", args=[delivery.pk])


@pytest.fixture
def delivery() -> Delivery:
    """One of a product's event, which was refused twice."""
    make_product("A-1", cost="5.00")
    event = Event.objects.get(type="product.created")
    endpoint = make_endpoint("https://shop.example/hook?a=b", description="Shop", headers={"X-Key": "secret-value"})
    return make_attempts(endpoint, timezone.now(), [(500, 9), (None, 15_000)], event_id=event.pk)


def test_the_page_shows_the_request_and_each_answer(delivery: Delivery):
    shown = superuser().get(page(delivery))

    steps = [(step.title, step.result, step.answer, step.is_good) for step in shown.context["steps"]]
    assert steps == [
        ("Attempt 1", "refused with 500 in 9 ms", "answer 500", False),
        ("Attempt 2", "no answer after 15,000 ms (It hung up.)", "", False),
    ]
    text = shown.content.decode()
    assert "POST https://shop.example/hook?a=b" in text
    assert "answer 500" in text
    assert "Failed, and not tried again by itself. The last attempt: no answer after 15,000 ms (It hung up.)." in text
    assert "previous_sequence" in text


def test_the_headers_are_those_that_the_subscriber_verifies_and_extra_values_are_masked(delivery: Delivery):
    shown = superuser().get(page(delivery))

    headers = dict(shown.context["sent"].rows)
    body = body_of(stored_events([delivery.event_id])[delivery.event_id], delivery)
    assert Webhook(delivery.endpoint.secret).verify(body, headers)["type"] == "product.created"
    assert (headers["X-Key"], headers["webhook-id"]) == ("••••••••", delivery.event_public_id)
    text = shown.content.decode()
    assert "secret-value" not in text
    assert delivery.endpoint.secret not in text


def test_one_that_was_not_tried_yet_has_no_signature(delivery: Delivery):
    delivery.attempts.all().delete()

    shown = superuser().get(page(delivery))

    assert [name for name, _ in shown.context["sent"].rows] == ["X-Key", "Content-Type", "webhook-id"]
    assert "It was not tried yet." in shown.content.decode()


def test_it_leads_to_its_endpoint_its_event_and_its_product(delivery: Delivery):
    product = Event.objects.get(pk=delivery.event_id).subject.partition(":")[2]
    addresses = [
        reverse("admin:webhooks_webhookendpoint_change", args=[delivery.endpoint_id]),
        reverse("admin:events_event_change", args=[delivery.event_id]),
        reverse("admin:products_product_change", args=[product]),
    ]
    only_deliveries = staff_with("webhooks.view_delivery", "webhooks.view_webhookendpoint")

    everything, little = (client.get(page(delivery)).content.decode() for client in (superuser(), only_deliveries))

    assert [address in everything for address in addresses] == [True, True, True]
    assert [address in little for address in addresses] == [True, False, False]


def test_the_body_is_for_those_who_may_see_costs(delivery: Delivery):
    shown = staff_with("webhooks.view_delivery").get(page(delivery))

    assert shown.context["body"] is None
    text = shown.content.decode()
    assert "It may contain costs, which you may not see." in text
    assert "previous_sequence" not in text


def test_an_event_that_is_not_kept_any_more_is_said(delivery: Delivery):
    Delivery.objects.filter(pk=delivery.pk).update(event_id=10**9)

    shown = superuser().get(page(delivery))

    assert shown.status_code == 200
    assert "The event is not kept any more." in shown.content.decode()
    assert "evt_1000000000, which is not kept any more" in shown.content.decode()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (DeliveryStatus.DELIVERED, "Delivered: refused with 500 in 1,134 ms."),
        (DeliveryStatus.CANCELLED, "Not sent: the endpoint was disabled before. Enable the endpoint to send what it"),
        (DeliveryStatus.SENDING, "It is being sent."),
    ],
)
def test_the_state_is_said_in_words(status: DeliveryStatus, words: str):
    assert state_in_words(Delivery(endpoint=WebhookEndpoint(), status=status), [ATTEMPT]).startswith(words)


def test_the_next_try_is_when_both_the_delivery_and_its_endpoint_are_due():
    now = timezone.now()
    endpoint = WebhookEndpoint()
    waiting = Delivery(endpoint=endpoint, status=DeliveryStatus.PENDING, next_attempt_at=now + timedelta(minutes=4.5))

    assert next_try_in_words(waiting) == "in 4 minutes"
    endpoint.next_try_at = now + timedelta(hours=2.5)
    assert next_try_in_words(waiting) == "in 2 hours"
    endpoint.next_try_at, waiting.next_attempt_at = None, now + timedelta(seconds=20)
    assert next_try_in_words(waiting) == "in less than a minute"
    waiting.next_attempt_at = now
    assert next_try_in_words(waiting) == "now"
    waiting.tries = 2
    words = state_in_words(waiting, [ATTEMPT])
    assert words.startswith("2 of 10 attempts have failed, the last one: refused with 500 in 1,134 ms. Next try: now,")


def test_the_list_says_when_each_is_tried_next():
    endpoint = make_endpoint(description="Shop")
    publish("a")
    Delivery.objects.update(next_attempt_at=timezone.now() + timedelta(minutes=30.5))

    text = superuser().get(reverse("admin:webhooks_delivery_changelist")).content.decode()

    assert "in 30 minutes" in text
    assert Delivery.objects.get().endpoint == endpoint
