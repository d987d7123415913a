"""API clients in the admin: the key is shown once, the hash never."""

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from pms_backend.access.authentication import caller_of_key
from pms_backend.access.models import ApiClient, ApiKey, AuditEntry
from pms_backend.access.services import create_api_client
from tests.staff import said, staff_with, superuser

pytestmark = pytest.mark.django_db

LIST = "/admin/access/apiclient/"
ADD = f"{LIST}add/"
NEW = {"name": "Shop", "scopes": ["products:read", "events:read"], "tier": "storefront"}


def usable(key: str) -> bool:
    return ApiKey.objects.usable(key.partition(".")[0]).exists()


def page(client: ApiClient, action: str = "change") -> str:
    return reverse(f"admin:access_apiclient_{action}", args=[client.pk])


def test_a_new_client_shows_its_key_once():
    staff = superuser()

    first = staff.post(ADD, NEW, follow=True)
    made = ApiClient.objects.get()
    again = staff.get(page(made)).content.decode()

    key = next(word for word in said(first)[0].replace(">", " ").replace("<", " ").split() if "." in word)
    caller = caller_of_key(key)
    assert caller is not None
    assert (caller.scopes, caller.tier) == ({"products:read", "events:read"}, "storefront")
    assert first.redirect_chain == [(page(made), 302)]
    assert key not in again


def test_the_hash_is_on_no_page_and_in_no_log():
    staff = superuser()
    staff.post(ADD, NEW)
    client, key = ApiClient.objects.get(), ApiKey.objects.get()

    pages = [staff.get(address).content.decode() for address in (LIST, page(client), page(client, "revoke"))]

    assert not any(key.hashed_key in text for text in pages)
    assert key.hashed_key not in str(list(LogEntry.objects.values()))


@pytest.mark.parametrize(
    ("field", "value"), [("scopes", ["everything"]), ("scopes", []), ("tier", "gold"), ("name", "")]
)
def test_what_is_no_client_is_refused(field: str, value: object):
    response = superuser().post(ADD, {**NEW, field: value})

    assert list(response.context["adminform"].form.errors) == [field]
    assert not ApiClient.objects.exists()


def test_revoking_asks_first_and_is_for_good():
    credentials = create_api_client(name="Shop", scopes=["products:read"])
    made, key = credentials.client, credentials.api_key
    staff = superuser()

    asked = staff.get(page(made, "revoke"))
    assert (asked.status_code, usable(key)) == (200, True)
    staff.post(page(made, "revoke"), {"csrfmiddlewaretoken": "x"})

    assert not usable(key)
    assert AuditEntry.objects.filter(action="api_client.revoked", actor__startswith="user:").count() == 1


def test_a_new_key_is_shown_once_and_the_old_one_stays_good_for_as_long_as_was_said():
    credentials = create_api_client(name="Shop", scopes=["products:read"])
    made, key = credentials.client, credentials.api_key
    staff = superuser()

    refused = staff.post(page(made, "rotate"), {"overlap_hours": "169"})
    shown = staff.post(page(made, "rotate"), {"overlap_hours": "2"}, follow=True)

    assert refused.context["form"].errors
    new = next(word for word in said(shown)[0].replace(">", " ").replace("<", " ").split() if "." in word)
    assert (usable(key), usable(new), ApiKey.objects.count()) == (True, True, 2)
    assert new.partition(".")[0] in staff.get(page(made)).content.decode()


def test_a_client_is_neither_edited_nor_deleted():
    credentials = create_api_client(name="Shop", scopes=["products:read"])
    made, key = credentials.client, credentials.api_key
    staff = superuser()

    edited = staff.post(page(made), {"name": "Mine", "scopes": ["access:admin"]})
    deleted = staff.post(page(made, "delete"), {"post": "yes"})

    made.refresh_from_db()
    assert (edited.status_code, deleted.status_code) == (403, 403)
    assert (made.name, made.scopes) == ("Shop", ["products:read"])
    assert caller_of_key(key) is not None


def test_without_the_permissions_no_client_is_made_or_revoked():
    credentials = create_api_client(name="Shop", scopes=["products:read"])
    made, key = credentials.client, credentials.api_key
    staff = staff_with("access.view_apiclient")

    seen, added, revoked = staff.get(page(made)), staff.post(ADD, NEW), staff.post(page(made, "revoke"), {"a": "b"})

    assert (seen.status_code, added.status_code, revoked.status_code) == (200, 403, 403)
    assert caller_of_key(key) is not None
    assert ApiClient.objects.count() == 1
