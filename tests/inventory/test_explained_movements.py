"""Each movement says why it was made, and leads there: to a report of a PMS, a document, a reference, a level."""

import json
from typing import Any

import pytest
from django.urls import reverse

from inventory import services
from inventory.models import StockLevel, StockMovement
from pms_integration.models import PMSConnection, PMSEvent
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.inventory.reserving import reserve
from tests.pms_integration.reports import apply, at, delta, figure
from tests.staff import staff_with, superuser

pytestmark = pytest.mark.django_db

LEDGER = "/admin/inventory/stockmovement/"
SOURCE = "/admin/pms_integration/pmsevent/source/"


@pytest.fixture
def demo() -> PMSConnection:
    """Ten of A-1 at `main`, whose stock the PMS `demo` owns."""
    make_product("A-1")
    main = make_location()
    set_stock("A-1", main, 10)
    return make_connection(owns=main)


def page_of(movement: StockMovement) -> str:
    return reverse("admin:inventory_stockmovement_change", args=[movement.pk])


def facts(client: Any, movement: StockMovement) -> dict[str, str]:
    """What the movement's page says, by titles."""
    return {title: str(value) for title, value in client.get(page_of(movement)).context["facts"]}


def newest() -> StockMovement:
    return StockMovement.objects.latest("id")


def lead(source: str) -> Any:
    return superuser("lea").get(SOURCE, {"source": source})


def test_a_count_by_a_figure_says_which_and_leads_to_its_event(demo: PMSConnection):
    apply(demo, "inventory.updated", figure(40, minute=1), webhook_id="msg:1")
    movement, event = newest(), PMSEvent.objects.get()
    moment = at(1)[:16].replace("T", " ")

    note = facts(superuser(), movement)["Note"]
    led = superuser("ben").get(SOURCE, {"source": movement.source})

    assert facts(superuser("cy"), movement)["Not reversible"].startswith("It follows from what demo has reported")
    assert movement.note == f"Figure of demo: 40 at {moment} UTC"
    assert f'href="{SOURCE}?source=demo%3Amsg%3A1%3A0"' in note
    assert led["Location"] == reverse("admin:pms_integration_pmsevent_change", args=[event.pk])


def test_a_count_that_keeps_a_count_after_a_late_sale_says_so_and_leads_to_the_sale(demo: PMSConnection):
    apply(demo, "inventory.adjusted", delta(-3, minute=-10, reason="sale"), webhook_id="late")
    movement = newest()

    note = facts(superuser(), movement)["Note"]

    assert (movement.reason, movement.delta, movement.source) == ("count", 3, "")
    assert movement.note.startswith("Keeps the count of 20")
    assert movement.note.endswith(" UTC after a late sale reported by demo.")
    assert f'href="{SOURCE}?source=demo%3Alate%3A0"' in note


def test_who_may_not_see_pms_events_reads_the_note_without_a_link(demo: PMSConnection):
    apply(demo, "inventory.updated", figure(40, minute=1))
    client = staff_with("inventory.view_stockmovement")

    found = facts(client, newest())

    assert found["Note"] == newest().note
    assert found["Product"] == "Lamp"
    assert client.get(SOURCE, {"source": newest().source}).status_code == 403


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("demo:gone:0", "The webhook gone is not kept any more. The movement stays, with what it has changed."),
        ("demo:sync-run-7:12", "Sync run 7 is not kept any more."),
        ("demo:push-7:0:included", "Stock push 7 is not kept any more."),
        (
            "demo:refetch-7-20260102T030405.000006:0",
            "The PMS Demo was asked for its stock, and has answered at 2026-01-02 03:04:05 UTC. Answers are not kept.",
        ),
        (
            "demo:ownership-1b:7",
            "The owner of the location's stock was changed, and the figures of Demo were taken.",
        ),
        ("other:msg:0", "Nothing is known of “other:msg:0” here."),
        ("nonsense", "Nothing is known of “nonsense” here."),
    ],
)
def test_a_source_without_a_page_says_what_it_was(demo: PMSConnection, source: str, words: str):
    shown = lead(source)

    assert shown.status_code == 404
    assert shown.context["origin"].words == words


def test_movements_of_documents_lead_to_these():
    make_product("A-1")
    for code in ("main", "shop"):
        make_location(code)
    set_stock("A-1", "main", 10)
    sheet = services.create_stocktake(location="main")
    services.record_counts(stocktake_id=sheet.pk, counts=[services.StocktakeCount(sku="A-1", counted=9)])
    services.post_stocktake(stocktake_id=sheet.pk)
    plain = services.create_transfer(source="main", target="shop", lines=[("A-1", 1)])
    named = services.create_transfer(source="main", target="shop", lines=[("A-1", 2)], reference="PO-7")
    for transfer in (plain, named):
        services.ship_transfer(transfer_id=transfer.pk)
    held = reserve(("A-1", 1), reference="R-1")
    services.commit_reservation(reservation_id=held.pk, client=None)
    services.adjust_stock(sku="A-1", location="main", delta=-1, reason="sale", reference="R-2")
    client = superuser()

    made = {movement.reference: facts(client, movement) for movement in StockMovement.objects.exclude(reference="")}

    def leads(model: str, key: int) -> str:
        return f'href="{reverse(f"admin:inventory_{model}_change", args=[key])}"'

    assert leads("stocktake", sheet.pk) in made[f"stocktake:{sheet.pk}"]["Made by"]
    assert leads("transfer", plain.pk) in made[f"transfer:{plain.pk}"]["Made by"]
    assert leads("transfer", named.pk) in made["PO-7"]["Made by"]
    assert leads("reservation", held.pk) in made["R-1"]["Made by"]
    assert "Made by" not in made["R-2"]
    assert f'href="{LEDGER}?reference=R-2"' in made["R-2"]["Reference"]


def test_the_page_of_a_movement_says_what_was_before_and_who_did_it(demo: PMSConnection):
    client = superuser("anna")
    level = StockLevel.objects.get()
    services.adjust_stock(sku="A-1", location="main", delta=-3, reason="damage", note="wet", reference="T-1")

    context = client.get(page_of(newest())).context

    assert (context["on_hand_before"], context["movement"].on_hand_after) == (10, 7)
    found = {title: str(value) for title, value in context["facts"]}
    assert found["Who"] == "The system itself"
    assert (found["Reason"], found["Note"]) == ("Damage", "wet")
    assert reverse("admin:inventory_stocklevel_change", args=[level.pk]) in found["Level"]
    assert reverse("admin:products_product_change", args=[level.variant.product_id]) in found["Product"]


def test_a_reversal_and_what_it_reverses_lead_to_each_other(demo: PMSConnection):
    services.adjust_stock(sku="A-1", location="main", delta=5, reason="receipt")
    mistake = newest()
    services.reverse_movement(movement_id=mistake.pk)
    client = superuser()

    of_mistake, of_reversal = facts(client, mistake), facts(client, newest())

    assert f'href="{page_of(newest())}"' in of_mistake["Reversed by"]
    assert f'href="{page_of(mistake)}"' in of_reversal["Reverses"]
    assert "Reverses" not in of_mistake


def test_the_ledger_is_filtered_by_one_level_and_says_which(demo: PMSConnection):
    make_product("B-2")
    set_stock("B-2", "main", 5)
    level = StockLevel.objects.get(variant__sku="A-1")
    client = superuser()

    shown = client.get(LEDGER, {"level": level.pk, "q": "A"})
    unknown = client.get(LEDGER, {"level": "9" * 30})

    assert [one.level_id for one in shown.context["cl"].result_list] == [level.pk]
    assert [(name, url) for _title, name, url in shown.context["chosen"]] == [("A-1 at Main", f"{LEDGER}?q=A")]
    assert "Only the movements of the level" in shown.content.decode()
    assert list(unknown.context["cl"].result_list) == []


def test_the_page_of_a_level_draws_the_movements_of_its_table(demo: PMSConnection):
    services.adjust_stock(sku="A-1", location="main", delta=5, reason="receipt")
    level = StockLevel.objects.get()

    page = superuser().get(reverse("admin:inventory_stocklevel_change", args=[level.pk]))

    history = page.context["history"]
    assert json.loads(history.chart)["datasets"][0]["data"] == [0, 10, 15, 15]
    assert [row[3] for row in history.table.rows] == [15, 10]
    assert history.chart_label == "On hand after the last 2 movements: from 10 to 15, now 15."
    assert history.ledger_url == f"{LEDGER}?level={level.pk}"
    assert f'<canvas class="chart" role="img" aria-label="{history.chart_label}"' in page.content.decode()


def test_the_ledger_explains_many_movements_by_few_queries(demo: PMSConnection, django_assert_max_num_queries: Any):
    for number in range(10):
        services.adjust_stock(sku="A-1", location="main", delta=-1, reason="sale", reference=f"R-{number}")
    client = superuser()
    client.get(LEDGER)

    with django_assert_max_num_queries(12):
        shown = client.get(LEDGER)

    assert len(shown.context["cl"].result_list) == 11
