"""API keys: who has one is known by it, until it is revoked or has expired."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from pms_backend.access import key_cache, services
from pms_backend.access.authentication import caller_of_key
from pms_backend.access.exceptions import ApiClientNotFound, UnknownScope
from pms_backend.access.models import ApiClient, ApiKey, AuditEntry
from tests.conftest import ClientWith, JSONClient
from tests.factories import make_product
from tests.outages import redis_down

PRODUCTS = "/api/v1/products/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def key() -> str:
    return services.create_api_client(name="shop", scopes=["products:read"]).api_key


def code(response) -> tuple[int, str]:
    return response.status_code, response.json().get("code", "")


@pytest.mark.parametrize("header", ["HTTP_X_API_KEY", "HTTP_AUTHORIZATION"])
@pytest.mark.parametrize("keyword", ["Api-Key", "api-key", "API-KEY"])
def test_a_key_is_good_in_either_header(key: str, header: str, keyword: str):
    value = key if header == "HTTP_X_API_KEY" else f"{keyword} {key}"

    assert JSONClient().get(PRODUCTS, **{header: value}).status_code == 200


def test_a_key_is_kept_as_a_hash_only(key: str):
    kept = ApiKey.objects.get()

    assert key not in (kept.pk, kept.hashed_key)
    assert key.partition(".")[2] not in kept.hashed_key
    assert kept.prefix == key.partition(".")[0]


def test_no_key_is_401_and_says_what_is_asked_for():
    response = JSONClient().get(PRODUCTS)

    assert code(response) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == "Api-Key"


@pytest.mark.parametrize("wrong", ["", "x", "unknown.key", "a" * 201, "ä", "%", ".", "a.b.c"])
def test_an_unknown_key_is_401(key: str, wrong: str):
    response = JSONClient().get(PRODUCTS, HTTP_AUTHORIZATION=f"Api-Key {wrong}")

    assert code(response) == (401, "authentication_failed")


def test_the_right_prefix_with_another_secret_is_401(key: str):
    response = JSONClient().get(PRODUCTS, HTTP_X_API_KEY=key[:-1] + ("a" if key[-1] != "a" else "b"))

    assert code(response) == (401, "authentication_failed")


def test_a_key_with_a_nul_is_nobodys(key: str):
    assert caller_of_key(key + "\x00") is None
    assert caller_of_key("\x00") is None


def test_a_bad_key_is_not_excused_by_a_session(key: str, admin_user):
    client = JSONClient()
    client.force_login(admin_user)

    assert client.get(PRODUCTS, HTTP_X_API_KEY="wrong.key").status_code == 401


@pytest.mark.django_db(transaction=True)
def test_a_revoked_key_is_401_at_once_although_it_is_remembered(key: str):
    assert JSONClient().get(PRODUCTS, HTTP_X_API_KEY=key).status_code == 200

    services.revoke_api_client(client_id=ApiClient.objects.get().public_id)

    assert code(JSONClient().get(PRODUCTS, HTTP_X_API_KEY=key)) == (401, "authentication_failed")


@pytest.mark.parametrize(("seconds", "status"), [(-1, 401), (60, 200)])
def test_a_key_is_good_until_it_expires(seconds: int, status: int):
    expires_at = timezone.now() + timedelta(seconds=seconds)
    key = services.create_api_client(name="shop", scopes=["products:read"], expires_at=expires_at).api_key

    assert JSONClient().get(PRODUCTS, HTTP_X_API_KEY=key).status_code == status


def test_without_the_scope_it_is_403_and_the_scope_is_named(client_with: ClientWith):
    product = make_product()
    reader = client_with(["products:read", "inventory:write"])

    response = reader.patch(f"{PRODUCTS}{product.pk}/", {"name": "Other"})

    assert code(response) == (403, "forbidden")
    assert response.json()["detail"] == "This needs the scope products:write."
    product.refresh_from_db()
    assert (product.name, product.version) == ("Lamp", 1)


def test_no_scope_implies_another(client_with: ClientWith):
    writer = client_with(["products:write"])

    assert code(writer.get(PRODUCTS)) == (403, "forbidden")


def test_a_method_that_is_not_there_is_405_whatever_the_scopes(client_with: ClientWith):
    assert code(client_with([]).delete(PRODUCTS)) == (405, "method_not_allowed")
    assert code(JSONClient().delete(PRODUCTS)) == (401, "not_authenticated")


def test_a_scope_that_does_not_exist_makes_no_client():
    with pytest.raises(UnknownScope, match="No such scope: products:rule"):
        services.create_api_client(name="shop", scopes=["products:read", "products:rule"])

    assert not ApiClient.objects.exists()


def test_revoking_twice_changes_nothing_and_revoking_nobody_is_refused(key: str):
    public_id = ApiClient.objects.get().public_id
    revoked_at = services.revoke_api_client(client_id=public_id).revoked_at
    services.revoke_api_client(client_id=public_id)

    with pytest.raises(ApiClientNotFound):
        services.revoke_api_client(client_id="nobody")

    client = ApiClient.objects.get()
    assert (client.revoked_at, client.state, client.keys.get().revoked) == (revoked_at, "revoked", True)
    assert AuditEntry.objects.filter(action="api_client.revoked").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_change_of_scopes_is_felt_at_once_although_the_key_is_remembered(key: str):
    assert JSONClient().get(PRODUCTS, HTTP_X_API_KEY=key).status_code == 200

    services.update_api_client(client_id=ApiClient.objects.get().public_id, values={"scopes": ["events:read"]})

    assert code(JSONClient().get(PRODUCTS, HTTP_X_API_KEY=key)) == (403, "forbidden")


def test_a_remembered_key_costs_no_query(key: str, django_assert_num_queries):
    caller = caller_of_key(key)

    with django_assert_num_queries(0):
        assert caller_of_key(key) == caller


def test_a_remembered_key_ends_with_its_time():
    expires_at = timezone.now() + timedelta(seconds=1)
    key = services.create_api_client(name="shop", scopes=["products:read"], expires_at=expires_at).api_key
    assert caller_of_key(key) is not None

    while timezone.now() <= expires_at:
        time.sleep(0.05)

    assert caller_of_key(key) is None


def test_without_redis_nothing_is_remembered(key: str, django_assert_num_queries):
    assert caller_of_key(key) is not None

    with redis_down(), django_assert_num_queries(1):
        assert caller_of_key(key) is not None


def test_what_was_learnt_before_a_revocation_is_not_remembered_after_it(key: str):
    before = key_cache.current_generation()
    caller = caller_of_key(key)
    key_cache._invalidate()

    key_cache.store(key, caller, before)

    assert key_cache.get(key, key_cache.current_generation()) is None


def test_use_is_noted_at_most_once_a_minute(key: str):
    client = ApiClient.objects.get()
    assert client.last_used_at is None
    caller_of_key(key)
    client.refresh_from_db()
    first = client.last_used_at
    assert first is not None

    services.note_use(client=client)
    services.note_use(client=ApiClient(pk=client.pk))
    client.refresh_from_db()
    assert client.last_used_at == first

    ApiClient.objects.update(last_used_at=first - timedelta(minutes=2))
    services.note_use(client=ApiClient(pk=client.pk))
    client.refresh_from_db()
    assert client.last_used_at > first - timedelta(minutes=1)
