"""A dry run is the matching report: it says in words what a run would do, and staff accept it."""

from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pms_backend.access.staff_scopes import PERMISSIONS_OF_SCOPE
from pms_integration.models import PMSConnection, SyncDifference, SyncRun
from products.models import Product
from tests.factories import make_product
from tests.pms_integration.desk.deciding import ambiguous, in_conflict
from tests.pms_integration.simulator.calling import SimulatorHere, product
from tests.pms_integration.sync.running import fill, go_on, start, sync
from tests.staff import said, staff_with, superuser

pytestmark = pytest.mark.django_db(transaction=True)

SENT = {"csrfmiddlewaretoken": "x"}


def page(run: SyncRun, name: str = "change") -> str:
    return reverse(f"admin:pms_integration_syncrun_{name}", args=[run.pk])


def sentences(client: Client, run: SyncRun) -> list[str]:
    return [text for text, _ in client.get(page(run)).context["summary"]]


def buttons(client: Client, run: SyncRun) -> list[str]:
    return [button["title"] for button in client.get(page(run)).context["actions_detail"]]


def test_a_dry_run_says_in_words_what_a_run_would_do(pms: PMSConnection, simulator: SimulatorHere):
    client = superuser()
    make_product("A-0", name="By SKU")
    make_product("X-1", name="By barcode", barcode="b-1")
    make_product("D-1", name="Only here")
    fill(simulator, 4, on_hand=None)
    variants = [{"sku": "NEW", "price": "10.00", "barcode": "b-1"}]
    simulator.control("products", product("NEW", name="By barcode", variants=variants), 201)
    make_product("B-1"), make_product("B-2")
    both = [{"sku": sku, "price": "10.00", "options": {"Size": sku}} for sku in ("B-1", "B-2")]
    options = [{"name": "Size", "values": ["B-1", "B-2"]}]
    simulator.control("products", product("B-1", variants=both, options=options), 201)

    run = sync(pms, dry_run=True, resources=["products"])

    found = client.get(page(run)).context["summary"]
    assert [text for text, _ in found][:5] == [
        "3 products are made here",
        "1 product is linked by SKU",
        "1 product is linked by barcode",
        "1 product is ambiguous: somebody decides which of ours it is",
        "3 products are only here, and stay so",
    ]
    assert "What a run would do" in client.get(page(run)).content.decode()
    rows = {text: len(client.get(url).context["cl"].result_list) for text, url in found}
    assert rows["3 products are made here"] == rows["3 products are only here, and stay so"] == 3
    assert Product.objects.filter(name__startswith="Product").count() == 0


def test_values_of_products_and_levels_are_counted_too(pms: PMSConnection):
    run = make_run(pms, dry_run=False)
    for action, external_id in (("take_pms", "p-1"), ("take_pms", "p-1"), ("push_local", "p-2"), ("conflict", "p-3")):
        add(run, action, external_id=external_id, field="name")
    for action in ("create_here", "take_pms", "none", "none"):
        add(run, action, resource="stock", sku="A-1")

    assert sentences(superuser(), run) == [
        "2 values of 1 product are taken from the PMS",
        "1 value of 1 product is sent to the PMS",
        "1 value of 1 product is in conflict: somebody decides",
        "1 level is made here",
        "1 level takes the PMS's figure",
        "2 levels differ where the stock is ours, and stay so",
    ]
    assert "What it has found and done" in superuser("berta").get(page(run)).content.decode()


def make_run(pms: PMSConnection, status: str = "finished", **values: Any) -> SyncRun:
    over = {} if status in ("pending", "running", "held") else {"finished_at": timezone.now()}
    given = {"mode": "full", "resources": ["products", "stock"], "actor": "system", "dry_run": True, **over, **values}
    return SyncRun.objects.create(connection=pms, status=status, stage="applying", **given)


def add(run: SyncRun, action: str, **values: Any) -> None:
    SyncDifference.objects.create(run=run, action=action, **{"resource": "products", **values})


def test_costs_are_counted_for_staff_who_may_see_them(pms: PMSConnection):
    run = make_run(pms)
    add(run, "take_pms", external_id="p-1", field="variants[A-1].cost")
    operator = staff_with(*PERMISSIONS_OF_SCOPE["pms:read"], *PERMISSIONS_OF_SCOPE["pms:write"])

    assert sentences(operator, run) == []
    assert sentences(superuser(), run) == ["1 value of 1 product is taken from the PMS"]
    assert sentences(staff_with("pms_integration.view_syncrun", name="carl"), run) == []


def test_the_page_costs_the_same_for_any_number_of_differences(pms: PMSConnection):
    run, client = make_run(pms), superuser()

    def cost() -> int:
        with CaptureQueriesContext(database) as captured:
            client.get(page(run))
        return len(captured)

    add(run, "create_here", external_id="p-0")
    cost()
    few = cost()
    for number in range(20):
        add(run, ("create_here", "link", "conflict")[number % 3], external_id=f"p-{number}")

    assert cost() == few


def test_a_report_is_accepted_by_the_full_run(pms: PMSConnection, simulator: SimulatorHere):
    fill(simulator, 2, on_hand=None)
    dry, client = sync(pms, dry_run=True, resources=["products"]), superuser()

    asked = client.get(page(dry, "accept"))
    assert buttons(client, dry) == ["Accept: start the full run"]
    assert "2 products are made here" in asked.content.decode()
    assert SyncRun.objects.count() == 1
    accepted = client.post(page(dry, "accept"), SENT, follow=True)

    run = SyncRun.objects.first()
    assert run is not None
    assert accepted.redirect_chain == [(page(run), 302)]
    assert said(accepted) == [f"Sync run {run.pk} of Demo has begun."]
    assert (run.mode, run.dry_run, run.resources, run.actor) == ("full", False, ["products"], "user:anna")
    # While it is not over, no other one can start.
    assert buttons(client, dry) == []
    assert client.post(page(dry, "accept"), SENT).headers["Location"] == page(dry)
    go_on(run)
    assert (run.status, run.created, Product.objects.count()) == ("finished", 2, 2)
    assert buttons(client, run) == []


@pytest.mark.parametrize(
    ("status", "values"),
    [
        ("finished", {"dry_run": False}),
        ("finished", {"mode": "incremental"}),
        ("failed", {}),
        ("cancelled", {}),
        ("running", {}),
    ],
)
def test_only_a_full_dry_run_that_has_finished_is_accepted(pms: PMSConnection, status: str, values: dict[str, Any]):
    run, client = make_run(pms, status, **values), superuser()

    answer = client.post(page(run, "accept"), SENT, follow=True)

    assert "Accept: start the full run" not in buttons(client, run)
    assert said(answer) == ["A full dry run that has finished is accepted, while no other run is active."]
    assert SyncRun.objects.count() == 1


def test_who_may_start_no_run_accepts_none(pms: PMSConnection):
    run, client = make_run(pms), staff_with("pms_integration.change_syncrun")

    assert buttons(client, run) == []
    assert client.post(page(run, "accept"), SENT).status_code == 403
    assert SyncRun.objects.count() == 1


def test_of_a_pms_that_is_not_called_nothing_is_accepted(pms: PMSConnection):
    run = make_run(pms)
    PMSConnection.objects.update(is_active=False)

    assert buttons(superuser(), run) == []


def test_a_report_names_conflicts_and_what_is_ambiguous_after_the_run_too(pms: PMSConnection, simulator: SimulatorHere):
    in_conflict(pms, simulator)
    ambiguous(pms, simulator)

    run = sync(pms, resources=["products"])

    assert "1 product is ambiguous: somebody decides which of ours it is" in sentences(superuser(), run)


def test_a_run_that_has_not_ended_has_no_summary(pms: PMSConnection):
    assert sentences(superuser(), start(pms)) == []
