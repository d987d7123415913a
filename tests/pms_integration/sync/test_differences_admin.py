"""The differences of sync runs in the admin."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from pms_backend.access.staff_scopes import PERMISSIONS_OF_SCOPE
from pms_integration.admin.sync_differences import MAX_SHOWN_CHARACTERS, RECENT_RUNS, RunFilter
from pms_integration.models import PMSConnection, SyncDifference, SyncRun
from tests.factories import make_connection, make_product
from tests.pms_integration.simulator.calling import SimulatorHere, product
from tests.pms_integration.sync.running import sync
from tests.staff import staff_with, superuser

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/pms_integration/syncdifference/"


def make_run(pms: PMSConnection) -> SyncRun:
    """A run with a difference, whose SKU is its number."""
    run = SyncRun.objects.create(
        connection=pms, mode="full", resources=["stock"], status="failed", actor="system", finished_at=pms.created_at
    )
    SyncDifference.objects.create(run=run, resource="stock", sku=str(run.pk), field="on_hand[W1]", action="none")
    return run


def rows(client: Client, **filters: Any) -> list[SyncDifference]:
    response = client.get(LIST, filters)
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


def page(difference: SyncDifference) -> str:
    return reverse("admin:pms_integration_syncdifference_change", args=[difference.pk])


def test_a_list_is_of_one_run_of_the_newest_without_a_choice() -> None:
    pms, client = make_connection(), superuser()
    runs = [make_run(pms) for _ in range(RECENT_RUNS + 2)]

    assert [one.run for one in rows(client)] == [runs[-1]]
    assert [one.run for one in rows(client, run=runs[0].pk)] == [runs[0]]
    assert rows(client, run=runs[0].pk, q=str(runs[0].pk)) != []
    assert rows(client, run=runs[0].pk, action__exact="archive") == []
    shown = client.get(LIST, {"run": runs[0].pk})
    assert f"Sync run {runs[0].pk}</a>\n      of Demo: what it has found and done." in shown.content.decode()
    offered = next(spec for spec in shown.context["cl"].filter_specs if isinstance(spec, RunFilter))
    assert len(offered.lookup_choices) == RECENT_RUNS + 1


@pytest.mark.parametrize("number", ["nonsense", "-1", "٣", "9" * 30, "1' OR '1'='1"])
def test_a_run_that_does_not_exist_has_no_differences(number: str) -> None:
    make_run(make_connection())

    assert rows(superuser(), run=number) == []


def test_without_runs_there_are_no_differences() -> None:
    assert rows(superuser()) == rows(superuser("berta"), run="1") == []


def test_long_values_are_shortened_in_the_list_and_whole_on_the_page() -> None:
    run, client = make_run(make_connection()), superuser()
    text = "<p>" + "long " * 90
    difference = SyncDifference.objects.create(
        run=run, resource="products", external_id="p-1", field="description", pms=text, local="", action="take_pms"
    )
    shown, whole = client.get(LIST).content.decode(), client.get(page(difference)).content.decode()

    escaped = text.replace("<p>", "&lt;p&gt;")
    assert f"&lt;p&gt;{text[3:MAX_SHOWN_CHARACTERS]}…" in shown
    assert (escaped in shown, escaped in whole) == (False, True)
    for text in ("p-1", "description", "(empty)", "Takes the PMS&#x27;s value"):
        assert text in shown


def test_a_link_names_the_product_of_ours(pms: PMSConnection, simulator: SimulatorHere) -> None:
    ours = make_product("A-1", name="Ours")
    simulator.control("products", product("A-1"), 201)

    run = sync(pms, dry_run=True)

    shown = superuser().get(LIST, {"run": run.pk}).content.decode()
    link = reverse("admin:products_product_change", args=[ours.pk])
    assert (
        f'<a href="{link}" class="cell-link text-important hover:text-primary-600 dark:hover:text-primary-500">'
        in shown
    )
    assert "Links the products" in shown
    assert "a dry run, which changes nothing; this is what a run would do." in shown


def test_costs_are_shown_to_staff_who_may_see_them(pms: PMSConnection, simulator: SimulatorHere) -> None:
    made = simulator.control("products", product(), 201)
    sync(pms)
    dearer = {"variants": [{"sku": "A-1", "price": "12.00", "cost": "4.00"}]}
    simulator.control(f"products/{made['id']}", dearer, method="PATCH")
    run = sync(pms)
    cost = run.differences.get(field="variants[A-1].cost")
    operator = staff_with(*PERMISSIONS_OF_SCOPE["pms:read"], *PERMISSIONS_OF_SCOPE["pms:write"])
    editor = staff_with(*PERMISSIONS_OF_SCOPE["pms:read"], *PERMISSIONS_OF_SCOPE["products:write"], name="eva")

    fields = [[one.field for one in rows(client, run=run.pk)] for client in (operator, editor)]

    assert fields == [["variants[A-1].price"], ["variants[A-1].price", "variants[A-1].cost"]]
    assert [client.get(page(cost)).status_code for client in (operator, editor)] == [302, 200]
    assert rows(operator, run=run.pk, q="A-1", pms="4.00") == []


def test_differences_are_read_only() -> None:
    run, client = make_run(make_connection()), superuser()
    difference = run.differences.get()

    changed = client.post(page(difference), {"sku": "other"})
    deleted = client.post(reverse("admin:pms_integration_syncdifference_delete", args=[difference.pk]), {"post": "yes"})

    assert (changed.status_code, deleted.status_code) == (403, 403)
    assert SyncDifference.objects.get().sku == str(run.pk)
