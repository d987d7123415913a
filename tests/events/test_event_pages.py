"""The feed's pages: what each event is about, what it says, and what a parked one means."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pms_backend.api.admin_subjects import subject_link
from pms_backend.events.models import Event, ParkedEvent
from tests.factories import make_location, make_product, set_stock
from tests.staff import staff_with, superuser

pytestmark = pytest.mark.django_db

LIST = "/admin/events/event/"
PARKED = "/admin/events/parkedevent/"


@pytest.fixture
def event() -> Event:
    """Of a product."""
    make_product("A-1")
    return Event.objects.get(type="product.created")


def page(event: Event) -> str:
    return reverse("admin:events_event_change", args=[event.pk])


def park(event: Event, **more: object) -> ParkedEvent:
    state = {"receiver": "webhooks.record_deliveries", "attempts": 3, "last_error": "It broke.", **more}
    return ParkedEvent.objects.create(event=event, **state)


def parked_page(parked: ParkedEvent) -> str:
    return reverse("admin:events_parkedevent_change", args=[parked.pk])


@pytest.mark.parametrize(
    ("subject", "address"),
    [
        ("product:12", "/admin/products/product/12/change/"),
        ("transfer:3", "/admin/inventory/transfer/3/change/"),
        ("endpoint:4", "/admin/webhooks/webhookendpoint/4/change/"),
        ("level:main/A/B-1", "/admin/inventory/stocklevel/?q=A%2FB-1"),
        ("category:desk-lamps", "/admin/products/category/?q=desk-lamps"),
        ("pms_product:erp/P 1", "/admin/pms_integration/pmsproduct/?q=P+1"),
        ("product:x", None),
        ("thing:1", None),
    ],
)
def test_a_subject_leads_to_its_page(subject: str, address: str | None):
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True)

    shown = subject_link(request, subject)

    assert (f'href="{address}"' in shown and f">{subject}</a>" in shown) if address else shown == subject


def test_the_address_of_a_level_s_subject_finds_the_level():
    make_product("A-1")
    make_product("A-10")
    set_stock("A-1", make_location(), 5)
    found = superuser().get("/admin/inventory/stocklevel/", {"q": "A-1"}).context["cl"].result_list

    assert [level.variant.sku for level in found] == ["A-1"]


def test_who_may_not_open_the_page_sees_the_subject_as_text(event: Event):
    feed_only = staff_with("events.view_event")

    pages = [feed_only.get(address).content.decode() for address in (LIST, page(event))]

    assert [event.subject in text for text in pages] == [True, True]
    assert ["/admin/products/product/" in text for text in pages] == [False, False]


def test_the_payload_can_be_read_by_those_who_may_see_costs(event: Event):
    seen = superuser().get(page(event)).content.decode()
    hidden = staff_with("events.view_event", "products.view_product").get(page(event)).content.decode()

    assert ("A-1" in seen, "A-1" in hidden) == (True, False)
    assert ("Payload" in seen, "Payload" in hidden) == (True, False)


def test_the_list_costs_the_same_for_any_number(event: Event):
    staff = superuser()
    staff.get(LIST)
    with CaptureQueriesContext(connection) as few:
        staff.get(LIST)
    for number in range(6):
        make_product(f"B-{number}")

    with CaptureQueriesContext(connection) as many:
        staff.get(LIST)

    assert len(many) == len(few) <= 12


def test_a_parked_event_says_what_is_missing_and_is_replayed_by_its_button(event: Event):
    parked = park(event)

    text = superuser().get(parked_page(parked)).content.decode()

    assert (
        "The event is published, but one part of the system (webhooks.record_deliveries) has failed with it 3 times. "
        "Until it is replayed, no webhook is sent for it. Correct the cause that the error names, and replay it."
    ) in text
    assert page(event) in text
    assert f"/{parked.pk}/replay" in text


def test_a_replayed_event_says_that_nothing_is_missing(event: Event):
    parked = park(event, resolved_at=timezone.now())

    text = superuser().get(parked_page(parked)).content.decode()

    assert "nothing is missing." in text
    assert f"/{parked.pk}/replay" not in text


def test_an_empty_list_of_parked_events_says_so():
    assert "Events that a part of the system could not process come here" in superuser().get(PARKED).content.decode()
