"""The roles that a migration makes: what each may do, and that it is led nowhere else."""

import re
from importlib import import_module
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test import Client
from django.urls import resolve, reverse

from pms_backend.access.caller import caller_of_user
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.operations.roles import ROLES
from tests.operations.test_admin import add_rows
from tests.staff import member_of

pytestmark = pytest.mark.django_db

READ = {"products:read", "inventory:read", "pms:read", "webhooks:read"}
SCOPES = {
    "Viewer": READ,
    "Counter": set(),
    "Warehouse": {"inventory:read", "inventory:write"},
    "Catalogue": {"products:read", "products:write"},
    "Integrator": READ | {"pms:write", "webhooks:write"},
    "Administrator": set(ALL_SCOPES) - {"access:admin"},
}
CATALOGUE = ["Products", "Categories"]
STOCK = [
    *("Scan desk", "Board", "Levels", "Movements", "Transfers", "Count sheets", "Locations", "Reservations"),
]
PMS = [
    *("Connections", "PMS events", "Sync runs", "PMS products", "PMS variants", "PMS stock"),
    *("Product pushes", "Stock pushes", "Endpoints", "Deliveries"),
]
SYSTEM = ["Operations", "Alerts", "Events feed", "Parked events"]
MENUS = {
    "Viewer": [*CATALOGUE, "Imports", *STOCK, *PMS, *SYSTEM],
    "Counter": [*CATALOGUE, "Count sheets"],
    "Warehouse": [*CATALOGUE, *STOCK, "Connections", "PMS events", "PMS stock"],
    "Catalogue": [*CATALOGUE, "Imports", "Locations"],
    "Integrator": [*CATALOGUE, "Imports", *STOCK, *PMS, *SYSTEM],
    "Administrator": [
        *([*CATALOGUE, "Imports", *STOCK, *PMS, *SYSTEM]),
        *("API clients", "Audit log", "Users", "Roles", "Failed logins"),
    ],
}
# Between them these have, and lack, pages of most kinds; `make test-slow` tries all.
FEW_ROLES = ("Counter", "Warehouse")
EACH_ROLE = [name if name in FEW_ROLES else pytest.param(name, marks=pytest.mark.slow) for name in ROLES]


def test_each_role_exists_and_is_explained():
    assert list(Group.objects.order_by("pk").values_list("name", flat=True)) == list(ROLES) == list(SCOPES)


@pytest.mark.parametrize("role", SCOPES)
def test_a_role_is_worth_these_scopes_in_the_api(role: str):
    member_of(role)

    assert set(caller_of_user(User.objects.get(username="ada")).scopes) == SCOPES[role]


@pytest.mark.parametrize("role", ["Counter", "Viewer", "Catalogue", "Integrator"])
def test_nobody_else_changes_stock_or_posts_counts(role: str):
    member_of(role)
    held = User.objects.get(username="ada").get_all_permissions()

    may_change = {name for name in held if name.startswith("inventory.") and ".view_" not in name}
    assert may_change == ({"inventory.change_stocktake"} if role == "Counter" else set())


@pytest.mark.parametrize("role", EACH_ROLE)
def test_a_role_sees_its_menu_and_no_link_leads_to_a_refusal(role: str):
    add_rows(range(1))
    client = member_of(role)

    first = client.get(reverse("admin:index"))
    titles = [
        item["title"]
        for group in first.context["sidebar_navigation"]
        for item in group["items"]
        if item["has_permission"] and item["title"] != "Dashboard"
    ]

    assert titles == MENUS[role]
    assert "You have no permissions yet" not in first.content.decode()
    seen = followed(client)
    assert {page: status for page, status in seen.items() if status >= 400} == {}
    assert len(seen) > len(MENUS[role])


def followed(client: Client) -> dict[str, int]:
    """What each page answers that links lead to from the first, one page of each kind."""
    answers: dict[str, int] = {}
    waiting = [reverse("admin:index")]
    while waiting:
        address = waiting.pop()
        name = resolve(address).url_name or address
        if name in answers or name == "logout":
            continue
        answer = client.get(address)
        answers[name] = answer.status_code
        if answer.headers["Content-Type"].startswith("text/html") and answer.status_code == 200:
            waiting += re.findall(r'href="(/admin/[^"?#]*)', answer.content.decode())
    return answers


def test_a_counter_sees_no_stock_beside_products():
    add_rows(range(1))
    client = member_of("Counter")

    product_list = client.get(reverse("admin:products_product_changelist"))
    product = client.get(reverse("admin:products_product_change", args=[product_list.context["cl"].result_list[0].pk]))

    assert {"on_hand", "available"} & {*product_list.context["cl"].list_display} == set()
    assert "On hand" not in product_list.content.decode() + product.content.decode()


def test_the_migration_leaves_a_group_of_such_a_name_and_is_undone_for_roles_that_nobody_has():
    module: Any = import_module("pms_backend.operations.migrations.0002_roles")
    apps = MigrationLoader(connection).project_state([("operations", "0002_roles")]).apps
    member_of("Warehouse")
    Group.objects.get(name="Viewer").permissions.clear()
    Group.objects.get(name="Counter").delete()

    with connection.schema_editor() as editor:
        module.make_roles(apps, editor)
        made = {role: Group.objects.get(name=role).permissions.count() for role in ("Viewer", "Counter")}
        module.remove_roles(apps, editor)

    assert made == {"Viewer": 0, "Counter": 5}
    assert list(Group.objects.values_list("name", flat=True)) == ["Warehouse"]
