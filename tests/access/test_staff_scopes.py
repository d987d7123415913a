"""What staff may do through the API follows from Django's permissions, by one table."""

import re
from itertools import chain
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pms_backend.access.caller import caller_of_user
from pms_backend.access.credentials import revalidate
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.staff_scopes import PERMISSIONS_OF_SCOPE, staff_hint
from pms_backend.access.tokens.services import issue_tokens
from tests.conftest import ClientWith, JSONClient
from tests.factories import make_product
from tests.staff import PASSWORD, grant, permissions_named

PRODUCTS = "/api/v1/products/"
OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"
# Those that nobody but a superuser has.
OF_SUPERUSERS = {scope for scope, needed in PERMISSIONS_OF_SCOPE.items() if not needed}

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    """A member of staff without any permission."""
    return User.objects.create_user("ada", password=PASSWORD, is_staff=True)


def scopes_of(user: User) -> set[str]:
    """As of the next request: what a user object has looked up before is forgotten."""
    return set(caller_of_user(User.objects.get(pk=user.pk)).scopes)


def browser(user: User) -> JSONClient:
    client = JSONClient()
    client.force_login(user)
    return client


def test_the_table_has_a_row_for_each_scope_and_names_permissions_that_exist():
    assert list(PERMISSIONS_OF_SCOPE) == list(ALL_SCOPES)
    assert len(permissions_named(*chain.from_iterable(PERMISSIONS_OF_SCOPE.values()))) > 20
    assert {"access:admin"} == OF_SUPERUSERS


@pytest.mark.parametrize("scope", sorted(set(ALL_SCOPES) - OF_SUPERUSERS))
def test_a_scope_takes_every_permission_of_its_row(scope: str, ada: User):
    row = PERMISSIONS_OF_SCOPE[scope]

    assert scope in scopes_of(grant(ada, *row))
    for missing in row:
        others = set(row) - {missing, missing.replace(".view_", ".change_")}
        assert scope not in scopes_of(grant(ada, *others)), missing


def test_a_permission_to_change_is_one_to_view(ada: User):
    row = [permission.replace(".view_", ".change_") for permission in PERMISSIONS_OF_SCOPE["inventory:read"]]

    assert scopes_of(grant(ada, *row)) == {"inventory:read"}


def test_no_single_permission_is_a_scope(ada: User):
    scopes = {}
    for permission in Permission.objects.all():
        ada.user_permissions.set([permission])
        scopes[permission.codename] = scopes_of(ada)

    assert len(scopes) > 100
    assert {name: found for name, found in scopes.items() if found} == {}


def test_every_permission_is_less_than_a_superuser(ada: User):
    ada.user_permissions.set(Permission.objects.all())

    assert scopes_of(ada) == set(ALL_SCOPES) - OF_SUPERUSERS


def test_permissions_of_groups_count(ada: User):
    group = Group.objects.create(name="viewers")
    group.permissions.set(permissions_named(*PERMISSIONS_OF_SCOPE["pms:read"]))
    ada.groups.add(group)

    assert scopes_of(ada) == {"pms:read"}


@pytest.mark.parametrize("flags", [{"is_staff": False}, {"is_active": False}])
def test_permissions_of_others_do_not(ada: User, flags: dict[str, bool]):
    ada.user_permissions.set(Permission.objects.all())
    ada_in_browser, token = browser(ada), issue_tokens(user=ada).access
    User.objects.update(**flags)

    by_token = JSONClient().get("/api/v1/inventory/levels/", headers={"Authorization": f"Bearer {token}"})

    assert ada_in_browser.get(PRODUCTS).status_code == 401
    assert by_token.status_code == (401 if "is_active" in flags else 403)


def test_a_permission_that_is_taken_away_is_felt_by_the_next_request(ada: User):
    make_product("A-1", cost="4.00")
    grant(ada, *PERMISSIONS_OF_SCOPE["products:read"], *PERMISSIONS_OF_SCOPE["products:write"])
    client, headers = browser(ada), {"Authorization": f"Bearer {issue_tokens(user=ada).access}"}

    before = [client.get(PRODUCTS), JSONClient().get(PRODUCTS, headers=headers)]
    ada.user_permissions.remove(*permissions_named("products.add_product"))
    after = [client.get(PRODUCTS), JSONClient().get(PRODUCTS, headers=headers)]
    ada.user_permissions.clear()
    refused = [client.get(PRODUCTS), JSONClient().get(PRODUCTS, headers=headers)]

    def costs(answers: list) -> list[str | None]:
        return [answer.json()["results"][0]["variants"][0].get("cost", "not shown") for answer in answers]

    assert (costs(before), costs(after)) == (["4.00"] * 2, ["not shown"] * 2)
    assert [answer.status_code for answer in refused] == [403, 403]


@pytest.mark.django_db(transaction=True)
def test_a_cached_answer_does_not_show_cost_to_others(ada: User):
    make_product("A-1", cost="4.00")
    eve = User.objects.create_user("eve", is_staff=True)
    grant(ada, *PERMISSIONS_OF_SCOPE["products:read"], *PERMISSIONS_OF_SCOPE["products:write"])
    grant(eve, *PERMISSIONS_OF_SCOPE["products:read"])

    shown = ["cost" in browser(user).get(PRODUCTS).json()["results"][0]["variants"][0] for user in (ada, eve, ada)]

    assert shown == [True, False, True]


def test_a_refusal_names_the_permissions(ada: User, client_with: ClientWith):
    refused = browser(ada).post("/api/v1/inventory/adjustments/", {})

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert refused.json()["detail"] == f"This needs the scope inventory:write. {staff_hint('inventory:write')}"
    assert "inventory.change_stocklevel" in refused.json()["detail"]
    of_superusers = browser(ada).get("/api/v1/access/clients/").json()["detail"]
    assert of_superusers == "This needs the scope access:admin. Of the staff, only superusers have it."


def test_programs_and_customers_read_nothing_about_permissions(client_with: ClientWith):
    customer = {"Authorization": f"Bearer {issue_tokens(user=User.objects.create_user('eve')).access}"}

    for answer in (
        client_with([]).post("/api/v1/inventory/adjustments/", {}),
        JSONClient().post("/api/v1/inventory/adjustments/", {}, headers=customer),
    ):
        assert answer.json()["detail"] == "This needs the scope inventory:write."


def test_a_request_of_staff_costs_two_statements_more(ada: User):
    grant(ada, *PERMISSIONS_OF_SCOPE["products:read"])

    def statements(user: User) -> int:
        client = browser(user)
        with CaptureQueriesContext(connection) as found:
            client.get(PRODUCTS)
        return len(found)

    assert statements(ada) == statements(User.objects.create_superuser("root")) + 2


def test_an_open_socket_loses_what_its_user_loses(ada: User):
    grant(ada, *PERMISSIONS_OF_SCOPE["inventory:read"])
    caller = caller_of_user(User.objects.get(pk=ada.pk))
    assert revalidate([caller])[caller].scopes == {"inventory:read"}

    ada.user_permissions.clear()

    with CaptureQueriesContext(connection) as found:
        assert revalidate([caller])[caller].scopes == frozenset()
    assert len(found) == 3


def test_the_operators_table_is_the_codes():
    rows = [line.split("|")[1:3] for line in OPERATIONS.read_text().splitlines() if line.startswith("| `")]
    documented = {scope.strip(" `"): set(re.findall(r"`([^`]+)`", needed)) for scope, needed in rows}

    for scope, needed in PERMISSIONS_OF_SCOPE.items():
        named = documented[scope]
        of_other_scopes = chain.from_iterable(PERMISSIONS_OF_SCOPE[name] for name in named & set(ALL_SCOPES))
        assert (named - set(ALL_SCOPES)) | set(of_other_scopes) == set(needed), scope
