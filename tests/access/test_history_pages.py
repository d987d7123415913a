"""The history in the admin: at the end of each page, on a page of its own, and in the audit log."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from pms_backend.access.history_pages import ENTRIES_A_PAGE, LAST_ENTRIES, HistoryPages
from pms_backend.access.history_words import change_in_words, value_in_words
from pms_backend.access.models import ApiClient, AuditEntry
from pms_backend.access.services import FieldChange, HistoryEntry, create_api_client, record_audit, record_history
from pms_backend.api import context
from pms_integration.services import retry_events
from products import services
from products.models import Category, Product
from tests.factories import make_connection, make_product
from tests.operations.test_admin import add_rows, address
from tests.pms_integration.test_admin import make_event
from tests.staff import PASSWORD, form_of, logged_in, staff_with, superuser

AUDIT_LOG = "/admin/access/auditentry/"
MAX_QUERIES = 12
WITH_HISTORY = [page for page in admin.site._registry.values() if isinstance(page, HistoryPages)]

pytestmark = pytest.mark.django_db


def member_of(role: str, name: str = "cora") -> Client:
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return logged_in(name)


def text_of(page: Any) -> str:
    """The page without tags and repeated blanks."""
    return " ".join(page.content.decode().split())


def reprice(product: Product, price: str, **more: str) -> None:
    amounts = {name: Decimal(amount) for name, amount in {"price": price, **more}.items()}
    sku = product.variants.get().sku
    services.update_product(product_id=product.pk, data={"variants": [{"sku": sku, **amounts}]})


def test_the_page_of_a_product_says_who_changed_its_price_and_through_which_door():
    client, lamp = member_of("Catalogue"), make_product("A-1")
    create_api_client(name="shop", scopes=["products:write"])
    with context.bind(actor="client:shop", door=context.Door.API):
        reprice(lamp, "12.50")

    shown = client.get(address(Product, "change", lamp.pk))

    newest, oldest = shown.context["timeline"].rows
    assert (newest[0], "Price of A-1: 10.00 → 12.50" in newest[1]) == ("Changed", True)
    assert oldest[:2] == ("Created", None)
    assert [newest[3:], oldest[3:]] == [("shop", "API"), ("system", "System")]
    assert "All history" in text_of(shown)


def test_a_change_in_the_admin_links_to_the_user_for_who_may_see_users():
    superuser("root")
    member_of("Catalogue")
    lamp = make_product("A-1")
    page = address(Product, "change", lamp.pk)
    logged_in("cora").post(page, {**form_of(logged_in("cora").get(page)), "variants-0-price": "11.00"})

    link = address(User, "change", User.objects.get(username="cora").pk)
    assert link in logged_in("root").get(page).context["timeline"].rows[0][3]
    assert logged_in("cora").get(page).context["timeline"].rows[0][3:] == ("cora", "Admin")


@pytest.mark.parametrize("role", ["Counter", "Viewer", "Warehouse"])
def test_who_may_not_change_products_sees_their_pages_without_history(role: str):
    client, lamp = member_of(role), make_product("A-1")

    page = client.get(address(Product, "change", lamp.pk))

    assert (page.status_code, "timeline" in page.context) == (200, False)
    assert client.get(address(Product, "history", lamp.pk)).status_code == 403


def test_cost_is_in_it_for_who_may_see_cost():
    lamp = make_product("A-1", cost="4711.37")
    reprice(lamp, "12.50", cost="4712.37")
    editor = staff_with("products.view_product", "products.change_product", "products.view_variant")

    pages = [address(Product, "change", lamp.pk), address(Product, "history", lamp.pk)]
    hidden, shown = (
        [client.get(page).content.decode() for page in pages] for client in (editor, member_of("Catalogue"))
    )

    assert [("711.37" in page, "12.50" in page) for page in hidden] == [(False, True)] * 2
    assert [("4,711.37" in page, "12.50" in page) for page in shown] == [(True, True)] * 2


def test_every_page_with_a_history_shows_the_entries_of_its_row():
    add_rows(range(1))
    root = superuser("root")
    rows = {page: page.model._default_manager.latest("pk") for page in WITH_HISTORY}
    for page, row in rows.items():
        record_audit(
            action="thing.changed",
            subject=f"{page.history_kind}:{getattr(row, page.history_key)}",
            note=page.history_kind,
        )

    assert sorted(page.history_kind for page in WITH_HISTORY) == [
        *("api_client", "category", "endpoint", "group", "level", "location", "pms_connection", "product", "user"),
    ]
    for page, row in rows.items():
        for name in ("change", "history"):
            shown = root.get(address(page.model, name, row.pk))
            table = shown.context["timeline" if name == "change" else "table"]
            assert f"Note: {page.history_kind}" in table.rows[0][1], (page, name)


def test_services_write_the_same_subjects_that_the_pages_read():
    add_rows(range(1))
    rows = {page: page.model._default_manager.latest("pk") for page in WITH_HISTORY}

    written = {entry.subject for entry in AuditEntry.objects.all()}

    by_admin = ("user", "group", "level")
    expected = {
        f"{page.history_kind}:{getattr(row, page.history_key)}"
        for page, row in rows.items()
        if page.history_kind not in by_admin
    }
    assert expected <= written


def test_a_page_shows_the_last_entries_and_links_to_all_of_them():
    client, lamp = member_of("Catalogue"), make_product("A-1")
    entry = HistoryEntry(action="product.updated", subject=f"product:{lamp.pk}", name="Lamp")
    record_history([entry] * (ENTRIES_A_PAGE + 1))
    page, history = address(Product, "change", lamp.pk), address(Product, "history", lamp.pk)

    assert len(client.get(page).context["timeline"].rows) == LAST_ENTRIES
    first = client.get(history)
    older = client.get(first.context["older_url"])

    assert (len(first.context["table"].rows), first.context["newest_url"]) == (ENTRIES_A_PAGE, "")
    # The product was created before.
    assert (len(older.context["table"].rows), older.context["older_url"]) == (2, "")
    assert older.context["newest_url"] == history
    for wrong in ("x", "9" * 30, "-1"):
        assert client.get(history, {"before": wrong}).status_code == 200


def test_the_history_of_what_does_not_exist_is_404():
    assert superuser("root").get(address(Product, "history", 999)).status_code == 404


def test_many_changes_are_cut_on_a_page_and_whole_in_the_history():
    client, lamp = member_of("Catalogue"), make_product("A-1")
    changes = [FieldChange(f"attributes.a{number}", None, number) for number in range(30)]
    record_audit(action="product.updated", subject=f"product:{lamp.pk}", changes=changes)

    page, history = (client.get(address(Product, name, lamp.pk)) for name in ("change", "history"))

    assert ("Attribute a7" in text_of(page), "Attribute a8" in text_of(page), "and 22 more" in text_of(page)) == (
        True,
        False,
        True,
    )
    assert "Attribute a29: - → 29" in text_of(history)


def test_djangos_own_log_is_not_written():
    root, home = superuser("root"), services.create_category(name="Home")

    root.post(address(Category, "change", home.pk), {"name": "House", "slug": "home", "parent": ""})
    root.post(address(Category, "add"), {"name": "Garden", "slug": "", "parent": ""})
    root.post(address(Category, "delete", home.pk), {"post": "yes"})
    root.post(address(Group, "add"), {"name": "pickers"})

    assert (Category.objects.get().name, Group.objects.filter(name="pickers").exists()) == ("Garden", True)
    assert not LogEntry.objects.exists()


def test_the_audit_log_links_to_who_acted_and_to_what_was_changed():
    root, lamp, pms = superuser("root"), make_product("A-1"), make_connection()
    client = create_api_client(name="shop", scopes=["products:write"]).client
    with context.bind(actor="client:shop", door=context.Door.API):
        reprice(lamp, "12.50")
    with context.bind(actor="pms:demo", door=context.Door.PMS):
        record_audit(action="category.deleted", subject="category:999", name="Gone")

    page = root.get(AUDIT_LOG)

    deleted, repriced = page.context["cl"].result_list[:2]
    assert address(ApiClient, "change", client.pk) in repriced.links.actor(repriced)
    assert address(Product, "change", lamp.pk) in repriced.links.subject(repriced)
    assert address(type(pms), "change", pms.pk) in deleted.links.actor(deleted)
    assert deleted.links.subject(deleted) == "Gone"
    assert "Price of A-1: 10.00 → 12.50" in text_of(page)


def test_a_login_links_to_the_user_of_that_name_and_is_in_nobodys_history():
    root = superuser("root")
    member_of("Catalogue", "1")
    user = User.objects.get(username="1")
    other = User.objects.create_user("other", pk=1 if user.pk != 1 else 2)

    entry = root.get(AUDIT_LOG).context["cl"].result_list[0]

    assert (entry.action, address(User, "change", user.pk) in entry.links.subject(entry)) == ("user.logged_in", True)
    assert root.get(address(User, "change", other.pk)).context["timeline"].rows == []


@pytest.mark.parametrize(
    ("subject", "page"),
    [
        ("import:7", "/admin/pms_integration/importjob/7/change/"),
        ("sync_run:7", "/admin/pms_integration/syncrun/7/change/"),
        ("delivery:7", "/admin/webhooks/delivery/7/change/"),
    ],
)
def test_subjects_without_a_history_are_linked_to_those_who_may_see_their_pages(subject: str, page: str):
    record_audit(action="thing.started", subject=subject, name="Seven")

    for client, is_linked in ((superuser("root"), True), (staff_with("access.view_auditentry"), False)):
        entries = client.get(AUDIT_LOG).context["cl"].result_list
        (entry,) = (one for one in entries if one.subject == subject)
        shown = entry.links.subject(entry)
        assert (page in shown, "Seven" in shown) == (is_linked, True)


def test_a_client_whose_name_two_have_is_not_linked():
    root = superuser("root")
    for _ in range(2):
        create_api_client(name="shop", scopes=["products:write"])
    with context.bind(actor="client:shop"):
        make_product("A-1")

    entry = root.get(AUDIT_LOG).context["cl"].result_list[0]

    assert entry.links.actor(entry) == "shop"


def test_the_audit_log_is_filtered_by_door_and_kind_and_searched_by_subject():
    root = superuser("root")
    with context.bind(door=context.Door.IMPORT):
        lamp = make_product("A-1", name="Desk lamp")
    services.create_category(name="Home")

    def names(**asked: str) -> list[str]:
        return [entry.name for entry in root.get(AUDIT_LOG, asked).context["cl"].result_list]

    assert names(door__exact="import") == ["Desk lamp"]
    assert names(kind="category") == ["Home"]
    assert names(q=f"product:{lamp.pk}") == ["Desk lamp"]


@pytest.mark.parametrize(
    "asked", [{"door__exact": "schedule"}, {"kind": "level"}, {"q": "nobody"}, {"actor__exact": "user:nobody"}]
)
def test_what_the_audit_log_does_not_have_is_found_by_an_index(asked: dict[str, str]):
    root, lamp = superuser("root"), make_product("A-1")
    entry = HistoryEntry(action="product.updated", subject=f"product:{lamp.pk}", name="Lamp")
    record_history([entry] * 2_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE access_auditentry")

    with CaptureQueriesContext(connection) as queries:
        root.get(AUDIT_LOG, asked)

    (read,) = (query["sql"] for query in queries if 'FROM "access_auditentry"' in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {read}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert ("Seq Scan" in plan, "access_auditentry_pkey" in plan) == (False, False), plan


def test_events_that_were_tried_again_together_are_of_the_kind_of_one():
    retry_events(connection=make_event().connection, status="dead")

    (entry,) = superuser("root").get(AUDIT_LOG, {"kind": "pms_event"}).context["cl"].result_list

    assert (entry.action, entry.subject) == ("pms_event.retried", "pms_connection:demo")
    assert value_in_words(entry.detail["status"], "status") == "Dead"


def test_the_page_of_an_entry_shows_its_changes_as_a_table():
    root, lamp = superuser("root"), make_product("A-1")
    reprice(lamp, "12.50")

    page = root.get(f"{AUDIT_LOG}{AuditEntry.objects.latest('id').pk}/change/")

    (table,) = page.context["tables"]
    assert table.rows == [("Price of A-1", "10.00", "12.50")]
    assert "{}" not in text_of(page)


def test_the_audit_log_is_never_counted_and_takes_few_queries():
    root = superuser("root")
    add_rows(range(2))
    root.get(AUDIT_LOG)

    with CaptureQueriesContext(connection) as queries:
        assert root.get(AUDIT_LOG).status_code == 200

    assert len(queries) <= MAX_QUERIES
    assert not any("COUNT(" in query["sql"] for query in queries)


@pytest.mark.parametrize(
    ("field", "before", "after", "words"),
    [
        ("name", "Lamp", "Desk lamp", "Name: Lamp → Desk lamp"),
        ("is_active", True, False, "Active: yes → no"),
        ("reorder_point", None, 1200, "Reorder point: - → 1,200"),
        ("status", "draft", "active", "Status: Draft → Active"),
        ("tags", [], ["new", "old"], "Tags: - → new, old"),
        ("variants[A-1].compare_at_price", "10.00", None, "Compare-at price of A-1: 10.00 → -"),
        ("variants[A[1].b]", None, "Large", "Variant A[1].b: added (Large)"),
        ("images[5]", "A lamp", None, "Picture 5: removed (A lamp)"),
        ("permissions[products.view_product]", False, True, "Permission products.view_product: added"),
        ("groups[Counter]", True, False, "Role Counter: removed"),
        ("credentials.token", "set", "set", "Credential token: replaced"),
        ("headers.X-Key", None, "set", "Header X-Key: - → set"),
        ("attributes.colour", {"a": 1}, "red", "Attribute colour: a: 1 → red"),
        ("publish_at", None, "2030-01-31T12:00:00Z", "Publish at: - → 2030-01-31 12:00 UTC"),
    ],
)
def test_changes_are_told_in_words(field: str, before: Any, after: Any, words: str):
    assert change_in_words({"field": field, "from": before, "to": after}) == words
