"""The buttons of a connection in the admin: the PMS is tested, its locations are chosen, it is paused, off and on."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from inventory.models import Location
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.standard import StandardConnector
from pms_integration.models import PMSConnection, PMSLocation
from pms_integration.services import questions
from tests.factories import make_connection, make_location, store_webhook
from tests.outbound.servers import LocalServer
from tests.pms_integration.outgoing.calling import TOKEN, answering
from tests.staff import form_of, said, staff_with, superuser

pytestmark = pytest.mark.django_db

SENT = {"csrfmiddlewaretoken": "x"}
LISTED = {"locations": [{"id": "W1", "name": "First <b>warehouse</b>"}, {"id": "W2", "name": "Second"}]}


def page(pms: PMSConnection, action: str = "change") -> str:
    return reverse(f"admin:pms_integration_pmsconnection_{action}", args=[pms.pk])


def press(client: Client, pms: PMSConnection, action: str) -> Any:
    """Sends a button; the page that follows is that of the connection."""
    response = client.post(page(pms, action), SENT, follow=True)
    assert response.redirect_chain == [(page(pms), 302)]
    return response


def buttons(client: Client, pms: PMSConnection) -> set[str]:
    found = client.get(page(pms)).context["actions_detail"]
    links = [link for one in found for link in one.get("items", [one])]
    return {link["path"].rstrip("/").rpartition("/")[2] for link in links}


def test_a_test_says_who_answers(pms: PMSConnection, server: LocalServer):
    [message] = said(press(superuser(), pms, "test"))

    assert message.startswith("Shop answers, within ")
    assert [request.path for request in server.received] == ["/api/"]


@pytest.mark.parametrize("status", [401, 500])
def test_a_test_says_what_is_wrong(pms: PMSConnection, server: LocalServer, status: int):
    server.respond = answering({"error": f"<b>{TOKEN}</b>"}, status)

    response = press(superuser(), pms, "test")

    assert said(response) == [f'The test has failed. The PMS answered {status}: {{"error": "<b>•••</b>"}}']
    assert "<b>•••</b>" not in response.content.decode()


def test_a_test_says_if_webhooks_are_not_sent_here(pms: PMSConnection, server: LocalServer, monkeypatch):
    class Subscribing(StandardConnector):
        def ensure_webhooks(self, *_: Any) -> Any:
            return "missing"

    monkeypatch.setitem(CONNECTORS, "standard", Subscribing())

    assert said(press(superuser(), pms, "test")) == ["Shop answers, and does not send its webhooks here."]


def test_who_asks_when_too_many_are_asked_is_told_to_wait(pms: PMSConnection, monkeypatch):
    monkeypatch.setattr(questions, "MAX_ASKED_AT_ONCE", 0)

    response = superuser().post(page(pms, "test"), SENT)

    assert response.context["form"].non_field_errors() == ["Other PMSs are being asked, and have not answered yet."]


def test_the_pages_call_nobody(pms: PMSConnection, server: LocalServer):
    client = superuser()

    for action in ("change", "test", "pause", "switch_off", "delete", "outgoing"):
        assert client.get(page(pms, action)).status_code == 200

    assert server.received == []


def test_a_connection_is_paused_and_resumed(pms: PMSConnection):
    client = superuser()

    for action, is_paused, other in (("pause", True, "resume"), ("resume", False, "pause")):
        assert action in buttons(client, pms)
        [message] = said(press(client, pms, action))
        pms.refresh_from_db()
        assert (pms.is_paused, message.startswith(f"Demo is {action}d")) == (is_paused, True)
        assert (buttons(client, pms) & {"pause", "resume"}) == {other}


def test_switching_off_asks_first_and_it_is_switched_on_again(pms: PMSConnection):
    client = superuser()

    asked = client.get(page(pms, "switch_off"))
    pms.refresh_from_db()
    assert ("answered 404" in asked.content.decode(), pms.is_active) == (True, True)
    assert said(press(client, pms, "switch_off")) == ["Demo is switched off."]
    pms.refresh_from_db()
    assert pms.is_active is False
    assert {"switch-on"} <= buttons(client, pms)
    assert not {"switch-off", "test", "choose-locations"} & buttons(client, pms)
    assert said(press(client, pms, "switch_on")) == ["Demo is switched on."]

    pms.refresh_from_db()
    assert pms.is_active is True


def test_a_pms_that_only_sends_webhooks_has_no_buttons_that_call_it():
    assert buttons(superuser(), make_connection()) == {"outgoing", "rotate-secret", "switch-off"}


def test_a_connection_from_which_nothing_came_is_deleted_after_a_confirmation():
    pms, client = make_connection("demo", owns=make_location()), superuser()

    asked = client.get(page(pms, "delete"))
    assert (asked.status_code, PMSConnection.objects.count()) == (200, 1)
    deleted = client.post(page(pms, "delete"), SENT, follow=True)

    assert deleted.redirect_chain == [(reverse("admin:pms_integration_pmsconnection_changelist"), 302)]
    assert said(deleted) == ["Demo is deleted."]
    assert (PMSConnection.objects.count(), PMSLocation.objects.count()) == (0, 0)
    assert client.post(page(pms, "delete"), SENT).status_code == 404


def test_a_connection_in_use_stays_and_the_page_says_why():
    pms = make_connection()
    store_webhook(connection=pms, webhook_id="m-1", type="inventory.updated", body=b"{}")

    refused = superuser().post(page(pms, "delete"), SENT)

    [error] = refused.context["form"].non_field_errors()
    assert error == "demo has PMS events, and stays. Switch it off instead (is_active: false)."
    assert PMSConnection.objects.count() == 1


def test_connections_are_not_deleted_in_bulk():
    pms = make_connection()
    listed = reverse("admin:pms_integration_pmsconnection_changelist")

    superuser().post(listed, {"action": "delete_selected", "_selected_action": [pms.pk], "post": "yes"})

    assert PMSConnection.objects.count() == 1


@pytest.mark.parametrize("action", ["test", "choose_locations", "pause", "switch_off", "delete"])
def test_who_may_only_look_presses_nothing(pms: PMSConnection, server: LocalServer, action: str):
    client = staff_with("pms_integration.view_pmsconnection")

    answers = [client.get(page(pms, action)), client.post(page(pms, action), SENT)]

    pms.refresh_from_db()
    assert [answer.status_code for answer in answers] == [403, 403]
    assert (pms.is_active, pms.is_paused, server.received) == (True, False, [])
    assert buttons(client, pms) == set()


def test_a_button_needs_the_token_of_the_form(pms: PMSConnection):
    client = Client(enforce_csrf_checks=True)
    client.cookies = superuser().cookies

    refused = client.post(page(pms, "pause"), SENT)

    pms.refresh_from_db()
    assert (refused.status_code, pms.is_paused) == (403, False)


@pytest.fixture
def main() -> Location:
    return make_location()


def choices(response: Any) -> list[list[tuple[str, str]]]:
    """What the id of each mapping, and of a new one, is chosen from."""
    inline, _ = response.context["inline_admin_formsets"]
    forms = [*inline.formset.initial_forms, inline.formset.empty_form]
    return [getattr(form.fields["external_id"].widget, "choices", []) for form in forms]


OFFERED = [("", "---------"), ("W1", "First <b>warehouse</b> (W1)"), ("W2", "Second (W2)")]


def test_a_location_is_chosen_from_those_of_the_pms(pms: PMSConnection, server: LocalServer, main: Location):
    server.respond, client = answering(LISTED), superuser()

    asked = client.get(page(pms, "choose_locations"))
    sent = {**form_of(asked), "locations-TOTAL_FORMS": "1", "_continue": "1"}
    row = {"locations-0-location": main.pk, "locations-0-external_id": "W2"}
    saved = client.post(page(pms, "choose_locations"), {**sent, **row})

    assert choices(asked) == [OFFERED]
    assert said(asked) == ["Demo lists 2 locations. Choose from them below, for each of ours."]
    assert "<b>warehouse" not in asked.content.decode()
    assert (saved.status_code, saved.headers["Location"]) == (302, page(pms))
    assert [(row.location, row.external_id) for row in pms.locations.all()] == [(main, "W2")]
    # One call, when somebody has asked for it.
    assert [request.path for request in server.received] == ["/api/locations"]


def test_what_is_mapped_and_not_listed_stays_chosen(pms: PMSConnection, server: LocalServer, main: Location):
    pms.locations.create(location=main, external_id="OLD")
    server.respond, client = answering(LISTED), superuser()

    asked = client.get(page(pms, "choose_locations"))

    assert choices(asked) == [[*OFFERED, ("OLD", "OLD (not listed by the PMS)")], OFFERED]
    assert form_of(asked)["locations-0-external_id"] == "OLD"


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (answering({}, 404), "Demo lists no locations. Type their ids below."),
        (answering({"locations": []}), "Demo lists no locations. Type their ids below."),
        (
            answering({}, 500),
            "The locations of Demo are not known. The PMS answered 500: {} Type their ids below.",
        ),
    ],
    ids=["no such list", "an empty list", "an error"],
)
def test_without_a_list_the_ids_are_typed(
    pms: PMSConnection, server: LocalServer, answer: Callable[..., None], note: str
):
    server.respond = answer

    asked = superuser().get(page(pms, "choose_locations"))

    assert (asked.status_code, said(asked), choices(asked)) == (200, [note], [[]])
    assert len(server.received) == 1
