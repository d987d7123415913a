"""The PMS's pages: secrets are shown once, events are read and tried again, locations are mapped."""

import html

import orjson
import pytest
from django.urls import reverse
from django.utils import timezone

from pms_integration.admin.events import MAX_SHOWN_CHARACTERS
from pms_integration.models import PMSConnection, PMSEvent, PMSEventStatus, PMSLocation
from pms_integration.services.connections import MAX_SECRET_LENGTH, MIN_SECRET_LENGTH
from tests.factories import make_connection, make_location, store_webhook
from tests.staff import form_of, said, staff_with, superuser
from webhooks.views import MAX_BODY_BYTES

pytestmark = pytest.mark.django_db

EVENTS = "/admin/pms_integration/pmsevent/"


def page(connection: PMSConnection, action: str = "change") -> str:
    return reverse(f"admin:pms_integration_pmsconnection_{action}", args=[connection.pk])


def make_event(status: str = PMSEventStatus.DEAD) -> PMSEvent:
    body = orjson.dumps({"type": "inventory.updated", "data": {"sku": "<b>A-1</b>"}})
    store_webhook(connection=make_connection(), webhook_id="msg_1", type="inventory.updated", body=body)
    PMSEvent.objects.update(status=status, due_at=None, reason="It could not be used.", attempts=7)
    return PMSEvent.objects.get()


def test_a_new_connection_shows_its_secret_once():
    client = superuser()
    sent = {"name": "Shop", "slug": "shop", "kind": "standard"}

    first = client.post(reverse("admin:pms_integration_pmsconnection_add"), sent, follow=True)
    connection = PMSConnection.objects.get()
    again = client.get(page(connection)).content.decode()

    assert connection.secret in said(first)[0]
    assert first.redirect_chain == [(page(connection), 302)]
    assert connection.secret not in again
    assert f"whsec_{'•' * 12}{connection.secret[-4:]}" in again
    assert "http://testserver/api/v1/webhooks/pms/shop/" in again


def test_a_slug_that_is_taken_is_refused_in_the_form():
    make_connection("shop")
    sent = {"name": "Shop", "slug": "shop", "kind": "standard"}

    response = superuser().post(reverse("admin:pms_integration_pmsconnection_add"), sent)

    assert list(response.context["adminform"].form.errors) == ["slug"]
    assert PMSConnection.objects.count() == 1


def test_rotating_asks_first_and_shows_the_new_secret_once():
    connection, client = make_connection(), superuser()
    before = connection.secret

    asked = client.get(page(connection, "rotate"))
    connection.refresh_from_db()
    assert (asked.status_code, connection.secret) == (200, before)
    rotated = client.post(page(connection, "rotate"), {"csrfmiddlewaretoken": "x"}, follow=True)

    connection.refresh_from_db()
    assert (connection.previous_secret, connection.secret != before) == (before, True)
    assert connection.secret in rotated.content.decode()
    assert connection.secret not in client.get(page(connection)).content.decode()


def test_the_admin_says_how_long_the_previous_secret_is_valid_and_may_end_it():
    connection, client = make_connection(), superuser()

    client.post(page(connection, "rotate"), {"csrfmiddlewaretoken": "x"})
    connection.refresh_from_db()
    until = timezone.localtime(connection.previous_secret_until)
    assert "The current one stays valid for 24 hours" in client.get(page(connection, "rotate")).content.decode()
    assert f"valid until {until:%Y-%m-%d %H:%M}" in client.get(page(connection)).content.decode()
    client.post(page(connection, "rotate"), {"at_once": "on"})

    connection.refresh_from_db()
    assert (connection.previous_secret, connection.previous_secret_until) == (None, None)
    assert "refused" in client.get(page(connection)).content.decode()


SHOPIFYS = "shpss_0123456789abcdef0123456789abcdef"


def test_a_secret_that_the_pms_has_made_is_stored_and_not_shown():
    client = superuser()
    sent = {"name": "Shop", "slug": "shop", "kind": "standard", "secret": f" {SHOPIFYS} "}

    added = client.post(reverse("admin:pms_integration_pmsconnection_add"), sent, follow=True)
    connection = PMSConnection.objects.get()
    rotated = client.post(page(connection, "rotate"), {"secret": SHOPIFYS[::-1]}, follow=True)

    assert connection.secret == SHOPIFYS
    assert SHOPIFYS not in added.content.decode()
    assert f">{'•' * 12}cdef" in added.content.decode().replace("\n", "").replace("  ", "")
    connection.refresh_from_db()
    assert (connection.secret, connection.previous_secret) == (SHOPIFYS[::-1], SHOPIFYS)
    assert SHOPIFYS[::-1] not in rotated.content.decode()


@pytest.mark.parametrize("secret", ["x" * (MIN_SECRET_LENGTH - 1), "x" * (MAX_SECRET_LENGTH + 1)])
def test_a_secret_of_another_length_is_refused_in_both_forms(secret: str):
    connection, client = make_connection(), superuser()
    before = connection.secret
    sent = {"name": "Shop", "slug": "shop", "kind": "standard", "secret": secret}

    added = client.post(reverse("admin:pms_integration_pmsconnection_add"), sent)
    rotated = client.post(page(connection, "rotate"), {"secret": secret})

    expected = {"secret": ["A secret has 16 to 255 characters."]}
    assert added.context["adminform"].form.errors == expected
    assert rotated.context["form"].errors == expected
    connection.refresh_from_db()
    assert (PMSConnection.objects.count(), connection.secret, connection.previous_secret) == (1, before, None)


def test_locations_are_mapped_through_the_service():
    connection, main, client = make_connection(), make_location(), superuser()
    sent = {**form_of(client.get(page(connection))), "locations-TOTAL_FORMS": "1"}
    row = {"locations-0-location": main.pk, "locations-0-external_id": "HQ", "locations-0-owns_stock": "on"}

    client.post(page(connection), {**sent, **row})
    mapped = PMSLocation.objects.get()
    sent = {**form_of(client.get(page(connection))), "locations-0-external_id": "Depot"}
    client.post(page(connection), sent)

    assert (mapped.connection, mapped.location, mapped.external_id, mapped.owns_stock) == (
        connection,
        main,
        "HQ",
        True,
    )
    mapped.refresh_from_db()
    assert (mapped.external_id, mapped.owns_stock) == ("Depot", True)


def test_a_location_has_one_owner():
    main, client = make_location(), superuser()
    make_connection("first", owns=main)
    second = make_connection("second")
    sent = {**form_of(client.get(page(second))), "locations-TOTAL_FORMS": "1"}
    row = {"locations-0-location": main.pk, "locations-0-external_id": "HQ", "locations-0-owns_stock": "on"}

    response = client.post(page(second), {**sent, **row})

    errors = response.context["adminform"].form.non_field_errors()
    assert errors == ["Another connection owns the stock of main."]
    assert second.locations.count() == 0


def test_without_the_permission_nothing_is_rotated():
    connection = make_connection()
    before = connection.secret

    response = staff_with("pms_integration.view_pmsconnection").post(page(connection, "rotate"), {"a": "b"})

    connection.refresh_from_db()
    assert (response.status_code, connection.secret) == (403, before)


def test_an_event_shows_its_body_as_text():
    event = make_event()

    shown = superuser().get(reverse("admin:pms_integration_pmsevent_change", args=[event.pk])).content.decode()

    assert "&lt;b&gt;A-1&lt;/b&gt;" in shown
    assert "<b>A-1</b>" not in shown
    assert "It could not be used." in shown


def shown(body: bytes, **headers: str) -> str:
    """The page of an event."""
    event = store_webhook(connection=make_connection(), webhook_id="msg_1", type="", body=body, headers=headers)
    response = superuser().get(reverse("admin:pms_integration_pmsevent_change", args=[event.pk]))
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize(
    "body", [b"", b"\xff\x00 not JSON", bytes(range(256)), orjson.dumps({"long": "x" * 90_000}), b"[" * 5_000]
)
def test_any_body_can_be_shown(body: bytes):
    assert "These are the first" not in shown(body)


def test_headers_are_shown_with_the_body():
    page = shown(b"{}", **{"x-topic": "<b>orders</b>"})

    assert "x-topic" in page
    assert "&lt;b&gt;orders&lt;/b&gt;" in page
    assert "<b>orders</b>" not in page


@pytest.mark.parametrize("letter", [b"x", b"<", b"\xff"])
def test_of_a_huge_body_the_beginning_is_shown_with_a_note(letter: bytes):
    body = letter * MAX_BODY_BYTES

    page = shown(body)

    assert f"These are the first {MAX_SHOWN_CHARACTERS:,} of {MAX_BODY_BYTES:,} characters" in page
    assert page.count(html.escape(letter.decode(errors="replace")) * MAX_SHOWN_CHARACTERS) == 1
    assert len(page) < 10 * MAX_SHOWN_CHARACTERS


def test_a_dead_event_is_tried_again():
    event, client = make_event(), superuser()
    retry = reverse("admin:pms_integration_pmsevent_retry", args=[event.pk])

    asked = client.get(retry)
    event.refresh_from_db()
    assert (asked.status_code, event.status) == (200, PMSEventStatus.DEAD)
    client.post(retry, {"csrfmiddlewaretoken": "x"})

    event.refresh_from_db()
    assert (event.status, event.attempts) == (PMSEventStatus.RECEIVED, 0)


def test_a_processed_event_is_not_tried_again():
    event = make_event(PMSEventStatus.PROCESSED)
    retry = reverse("admin:pms_integration_pmsevent_retry", args=[event.pk])

    response = superuser().post(retry, {"csrfmiddlewaretoken": "x"})

    event.refresh_from_db()
    assert response.context["form"].non_field_errors() == ["The event is processed."]
    assert event.status == PMSEventStatus.PROCESSED


def test_selected_events_are_tried_again():
    event = make_event()

    superuser().post(EVENTS, {"action": "retry_selected", "_selected_action": [event.pk]})

    event.refresh_from_db()
    assert event.status == PMSEventStatus.RECEIVED


def test_staff_who_may_only_view_events_may_not_retry_them():
    event, client = make_event(), staff_with("pms_integration.view_pmsevent")

    refused = client.post(reverse("admin:pms_integration_pmsevent_retry", args=[event.pk]), {"a": "b"})
    client.post(EVENTS, {"action": "retry_selected", "_selected_action": [event.pk]})

    event.refresh_from_db()
    assert (refused.status_code, event.status) == (403, PMSEventStatus.DEAD)


@pytest.mark.parametrize("name", ["pmsevent", "pmsproduct", "pmsstock"])
def test_reported_values_can_be_neither_added_nor_deleted(name: str):
    event, client = make_event(), superuser()

    added = client.get(reverse(f"admin:pms_integration_{name}_add"))
    deleted = client.post(reverse(f"admin:pms_integration_{name}_delete", args=[event.pk]), {"post": "yes"})

    assert added.status_code == 403
    assert deleted.status_code in (302, 403)
    assert PMSEvent.objects.count() == 1
