"""`/api/v1/access/clients/`: clients are managed by whoever has `access:admin`."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pms_backend.access.authentication import caller_of_key
from pms_backend.access.models import ApiClient, ApiKey, AuditEntry
from tests.conftest import JSONClient

CLIENTS = "/api/v1/access/clients/"
NEW = {"name": "shop", "scopes": ["products:read"], "tier": "storefront"}

pytestmark = pytest.mark.django_db


def made(api: JSONClient, **more: object) -> dict:
    response = api.post(CLIENTS, {**NEW, **more})
    assert response.status_code == 201, response.json()
    return response.json()


def test_a_new_client_shows_its_key_once(api: JSONClient):
    response = api.post(CLIENTS, NEW)

    client = response.json()
    caller = caller_of_key(client["api_key"])
    assert (response.status_code, response["Cache-Control"]) == (201, "no-store")
    assert (caller.identity, caller.scopes, caller.tier) == (f"client:{client['id']}", {"products:read"}, "storefront")
    shown = api.get(f"{CLIENTS}{client['id']}/").json()
    secrets = {"api_key", "signing_key_id", "signing_key"}
    assert {**client, "last_used_at": shown["last_used_at"]} == {**shown, **{name: client[name] for name in secrets}}
    assert not secrets & set(shown)
    assert client["api_key"] not in str(api.get(CLIENTS).json())


def test_a_client_that_signs_has_a_signing_key(api: JSONClient):
    client = made(api, signing=True)

    assert client["signing_key"]
    assert api.get(f"{CLIENTS}{client['id']}/").json()["signing_key_ids"] == [client["signing_key_id"]]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("scopes", ["products:rule"], "unknown_scope"),
        ("tier", "gold", "unknown_tier"),
        ("name", "", "validation_failed"),
        ("name", "x" * 51, "validation_failed"),
        ("expires_at", "tomorrow", "validation_failed"),
    ],
)
def test_what_is_no_client_is_refused(api: JSONClient, field: str, value: object, code: str):
    before = ApiClient.objects.count()

    response = api.post(CLIENTS, {**NEW, field: value})

    assert (response.status_code, response.json()["code"]) == (422, code)
    assert ApiClient.objects.count() == before


def test_what_a_caller_may_not_set_is_ignored(api: JSONClient):
    client = made(api, id="mine", revoked_at="2020-01-01T00:00:00Z", last_used_at="2020-01-01T00:00:00Z", pk=1)

    assert (client["id"] != "mine", client["state"], client["last_used_at"]) == (True, "active", None)


def test_a_client_is_changed(api: JSONClient):
    client = made(api)
    expires_at = (timezone.now() + timedelta(days=1)).isoformat()

    changed = api.patch(f"{CLIENTS}{client['id']}/", {"scopes": ["events:read"], "expires_at": expires_at}).json()

    assert (changed["scopes"], changed["name"]) == (["events:read"], "shop")
    assert caller_of_key(client["api_key"]).scopes == {"events:read"}


def test_both_keys_are_good_for_the_overlap_and_no_third(api: JSONClient):
    first = made(api)
    second = api.post(f"{CLIENTS}{first['id']}/rotate/").json()
    both = [caller_of_key(one["api_key"]) is not None for one in (first, second)]

    third = api.post(f"{CLIENTS}{first['id']}/rotate/", {"overlap_seconds": 3600}).json()

    assert both == [True, True]
    alive = [ApiKey.objects.usable(one["api_key"].partition(".")[0]).exists() for one in (first, second, third)]
    assert alive == [False, True, True]
    assert {first["id"], second["id"], third["id"]} == {first["id"]}


def test_a_rotation_without_overlap_ends_the_key_at_once(api: JSONClient):
    client = made(api)

    api.post(f"{CLIENTS}{client['id']}/rotate/", {"overlap_seconds": 0})

    assert not ApiKey.objects.usable(client["api_key"].partition(".")[0]).exists()


@pytest.mark.parametrize("overlap", [-1, 604_801, "long"])
def test_an_overlap_has_bounds(api: JSONClient, overlap: object):
    client = made(api)

    response = api.post(f"{CLIENTS}{client['id']}/rotate/", {"overlap_seconds": overlap})

    assert (response.status_code, ApiKey.objects.filter(client__public_id=client["id"]).count()) == (422, 1)


def test_a_revoked_client_stays_revoked(api: JSONClient):
    client = made(api)
    address = f"{CLIENTS}{client['id']}/"

    revoked = api.post(f"{address}revoke/").json()
    refused = [api.post(f"{address}rotate/"), api.patch(address, {"name": "again"})]

    assert revoked["state"] == "revoked"
    assert [(one.status_code, one.json()["code"]) for one in refused] == [(409, "api_client_revoked")] * 2
    assert not ApiKey.objects.usable(client["api_key"].partition(".")[0]).exists()


def test_a_client_that_is_not_there_is_404(api: JSONClient):
    answers = [api.get(f"{CLIENTS}nobody/"), api.post(f"{CLIENTS}nobody/revoke/"), api.patch(f"{CLIENTS}nobody/", {})]

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(404, "api_client_not_found")] * 3


def test_answers_with_secrets_take_no_idempotency_key(api: JSONClient):
    client = made(api)
    addresses = (CLIENTS, f"{CLIENTS}{client['id']}/rotate/")

    answers = [api.post(address, NEW, headers={"Idempotency-Key": "k"}) for address in addresses]

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(400, "idempotency_not_supported")] * 2
    assert ApiKey.objects.filter(client__public_id=client["id"]).count() == 1


def test_every_change_of_a_client_is_in_the_audit_log_without_secrets(api: JSONClient):
    client = made(api, signing=True)
    address = f"{CLIENTS}{client['id']}/"
    api.patch(address, {"tier": "default"})
    api.post(f"{address}rotate/")
    api.post(f"{address}revoke/", headers={"X-Request-Id": "r-1"})

    answer = api.get("/api/v1/access/audit/", {"subject": f"api_client:{client['id']}"}).json()

    actions = [entry["action"].removeprefix("api_client.") for entry in answer["results"]]
    assert actions == ["revoked", "rotated", "updated", "created"]
    assert answer["results"][0]["actor"] == "client:tests"
    assert answer["results"][0]["request_id"] == "r-1"
    assert client["signing_key"] not in str(answer)
    assert AuditEntry.objects.filter(action="api_client.created").count() == 2
