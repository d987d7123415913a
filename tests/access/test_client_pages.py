"""The pages of API clients say what each may do, what it has asked for last and what it has written."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pms_backend.access import key_cache, services
from pms_backend.access.authentication import caller_of_key
from pms_backend.access.client_words import SCOPE_TEXTS, expires_soon, label_of, limits_in_words, state_in_words
from pms_backend.access.models import MAX_REQUEST_LENGTH, ApiClient, AuditEntry
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.api import context
from tests.staff import said, staff_with, superuser

pytestmark = pytest.mark.django_db

LIST = "/admin/access/apiclient/"


def make_client(name: str = "Shop", **more: Any) -> services.Credentials:
    return services.create_api_client(name=name, **{"scopes": ["products:read"], **more})


def page(client: ApiClient) -> str:
    return reverse("admin:access_apiclient_change", args=[client.pk])


def ask(key: str, method: str, address: str) -> None:
    headers = {"Authorization": f"Api-Key {key}"}
    response = Client().generic(method, address, headers=headers, REMOTE_ADDR="203.0.113.7")
    assert response.status_code < 500


def test_a_client_says_what_it_has_asked_for_last_and_from_where():
    made = make_client()

    ask(made.api_key, "GET", "/api/v1/products/?search=something-private")

    text = superuser().get(page(made.client)).content.decode()
    assert "GET /api/v1/products/ from 203.0.113.7 at " in text
    assert "something-private" not in text
    assert "GET /api/v1/products/" in superuser("eva").get(LIST).content.decode()


def test_one_request_a_minute_is_noted_by_the_statement_that_notes_the_moment():
    made = make_client()
    request = RequestFactory().get("/api/v1/products/")
    with CaptureQueriesContext(connection) as first:
        caller_of_key(made.api_key, request)
    key_cache._keys.clear()
    with CaptureQueriesContext(connection) as second:
        caller_of_key(made.api_key, RequestFactory().post("/api/v1/products/"))

    assert [statement["sql"].split()[0] for statement in first] == ["SELECT", "UPDATE"]
    assert [statement["sql"].split()[0] for statement in second] == ["SELECT"]
    assert ApiClient.objects.get().last_request == "GET /api/v1/products/"


def test_what_cannot_be_stored_of_a_request_is_replaced_and_the_rest_cut_off():
    made = make_client()

    services.note_use(client=made.client, request=f"GET /\x00{'a' * 300}", address="203.0.113.7")

    noted = ApiClient.objects.get().last_request
    assert (noted[:6], len(noted)) == ("GET /␀", MAX_REQUEST_LENGTH)


def test_its_last_writes_are_shown_to_those_who_may_read_the_audit_log():
    client, ours, theirs = (make_client(name).client for name in ("My shop", "Our till", "Their till"))
    for actor, made in (("client:My shop", ours), ("client:Other", theirs)):
        with context.bind(actor=actor, request_id="r-1"):
            services.record_audit(action="api_client.rotated", subject=f"api_client:{made.public_id}", name=made.name)
    everybody = superuser(), staff_with("access.view_apiclient")

    seen, hidden = (one.get(page(client)).content.decode() for one in everybody)

    assert ("New key" in seen, page(ours) in seen, "Their till" in seen) == (True, True, False)
    assert (page(ours) in hidden, "auditentry" in hidden) == (False, False)
    listed = everybody[0].get(reverse("admin:access_auditentry_changelist"), {"q": '"client:My shop"'})
    assert [entry.name for entry in listed.context["cl"].result_list] == ["Our till"]


def test_that_another_client_has_its_name_is_said_at_its_last_writes():
    first = make_client("Shop").client
    staff = superuser()
    alone = staff.get(page(first)).content.decode()
    make_client("Shop")

    shared = staff.get(page(first)).content.decode()

    assert ["Another client has this name" in text for text in (alone, shared)] == [False, True]


def test_every_scope_has_a_sentence_on_the_form_and_on_the_page():
    client = make_client(scopes=["products:read", "events:read"]).client
    staff = superuser()
    form, shown = staff.get(f"{LIST}add/").content.decode(), staff.get(page(client)).content.decode()

    assert set(SCOPE_TEXTS) == set(ALL_SCOPES)
    assert [str(text) in form for text in SCOPE_TEXTS.values()] == [True] * len(ALL_SCOPES)
    assert [scope for scope in ALL_SCOPES if str(SCOPE_TEXTS[scope]) in shown] == ["products:read", "events:read"]


@pytest.mark.parametrize(
    ("tier", "words"),
    [
        ("default", "At most 3,000 reads a minute and 1,200 writes a minute."),
        (
            "storefront",
            "At most 6,000 reads a minute and 600 writes a minute. It sees published products only, and "
            "availability, but no other stock.",
        ),
        ("internal", "No limit."),
        ("slow", "At most 5 reads an hour and 1,200 writes a minute."),
        ("unknown", "At most 3,000 reads a minute and 1,200 writes a minute."),
    ],
)
def test_the_limits_of_a_tier_are_said_in_words(settings, tier: str, words: str):
    settings.RATE_LIMITS = '{"slow.read": "5/hour"}'

    assert limits_in_words(tier) == words


def test_without_rate_limits_that_is_said(settings):
    settings.RATE_LIMITS = "off"

    assert limits_in_words("default") == "No limit: rate limits are switched off."


@pytest.mark.parametrize(
    ("state", "label", "begins"),
    [
        ({}, "active", "Its keys are accepted, without an end."),
        ({"expires_at": timedelta(days=15)}, "active", "Its keys are accepted until "),
        ({"expires_at": timedelta(days=13)}, "soon", "Its keys are accepted until "),
        ({"expires_at": -timedelta(days=1)}, "expired", "Expired since "),
        ({"revoked_at": -timedelta(days=1), "expires_at": timedelta(days=1)}, "revoked", "Revoked since "),
    ],
)
def test_the_state_is_said_in_words_and_an_end_that_is_near_is_marked(
    state: dict[str, timedelta], label: str, begins: str
):
    client = ApiClient(**{name: timezone.now() + moment for name, moment in state.items()})

    assert label_of(client)[0] == label
    assert state_in_words(client).startswith(begins)
    assert expires_soon(client) is (label == "soon")


def test_a_key_is_shown_once_with_a_button_that_copies_it():
    made, staff = make_client(), superuser()

    shown = staff.post(
        reverse("admin:access_apiclient_rotate", args=[made.client.pk]), {"overlap_hours": 0}, follow=True
    )
    again = staff.get(page(made.client)).content.decode()

    [message] = said(shown)
    assert "The API key of Shop is" in message
    assert ">Copy</button>" in message
    assert message.count("user-select: all") == 1
    key = message.partition("user-select: all")[2].partition(">")[2].partition("<")[0]
    assert caller_of_key(key) is not None
    assert (key in shown.content.decode(), key in again) == (True, False)
    logged = [*LogEntry.objects.values(), *AuditEntry.objects.values()]
    assert logged
    assert key not in str(logged)


def test_a_revoked_client_has_no_buttons():
    client, staff = make_client().client, superuser()
    before = staff.get(page(client)).content.decode()
    services.revoke_api_client(client_id=client.public_id)

    after = staff.get(page(client)).content.decode()

    assert [f"/{client.pk}/rotate" in text for text in (before, after)] == [True, False]


def test_the_list_costs_the_same_for_any_number():
    make_client()
    staff = superuser()
    staff.get(LIST)
    with CaptureQueriesContext(connection) as few:
        staff.get(LIST)
    for number in range(5):
        make_client(f"Shop {number}", expires_at=timezone.now() + timedelta(days=1))

    with CaptureQueriesContext(connection) as many:
        staff.get(LIST)

    assert len(many) == len(few) <= 12
