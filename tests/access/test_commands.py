"""`manage.py create_api_client` and `revoke_api_client`."""

import io
import json
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from pms_backend.access.models import ApiClient
from tests.conftest import JSONClient

pytestmark = pytest.mark.django_db


def said(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def create(*more: str) -> dict:
    return json.loads(said("create_api_client", "shop", "--scopes", "products:read, events:read", *more))


def test_a_client_is_printed_with_its_key_once():
    printed = create()

    client = ApiClient.objects.get()
    assert set(printed) == {"id", "name", "api_key", "signing_key_id", "signing_key"}
    assert (printed["id"], printed["name"], printed["signing_key"]) == (client.public_id, "shop", None)
    assert client.scopes == ["events:read", "products:read"]
    assert (client.tier, client.expires_at) == ("default", None)
    assert JSONClient().get("/api/v1/products/", HTTP_X_API_KEY=printed["api_key"]).status_code == 200


def test_a_client_has_the_tier_and_the_expiry_that_were_asked_for():
    create("--tier", "storefront", "--expires", "2030-01-31T12:00:00+00:00")

    client = ApiClient.objects.get()
    assert (client.tier, client.expires_at) == ("storefront", datetime(2030, 1, 31, 12, tzinfo=UTC))


@pytest.mark.parametrize("expires", ["tomorrow", "2030-01-31", "2030-01-31T12:00:00", "2030-13-01T00:00:00Z"])
def test_an_expiry_that_is_no_moment_is_refused(expires: str):
    with pytest.raises(CommandError, match="--expires: A moment is written as RFC 3339"):
        create("--expires", expires)

    assert not ApiClient.objects.exists()


def test_an_unknown_scope_is_refused():
    with pytest.raises(CommandError, match="No such scope: products:rule"):
        said("create_api_client", "shop", "--scopes", "products:rule")

    assert not ApiClient.objects.exists()


def test_a_name_that_is_too_long_is_refused():
    with pytest.raises(CommandError, match="name"):
        said("create_api_client", "x" * 51, "--scopes", "products:read")


def test_a_revoked_clients_key_is_refused():
    printed = create()

    assert said("revoke_api_client", printed["id"]) == f"{printed['id']} is revoked.\n"
    assert JSONClient().get("/api/v1/products/", HTTP_X_API_KEY=printed["api_key"]).status_code == 401


def test_revoking_nobody_is_refused():
    with pytest.raises(CommandError, match="There is no API client nobody"):
        said("revoke_api_client", "nobody")
