"""What a PMS answers takes effect as a webhook does, and ends the refetch."""

import json
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from inventory.models import StockLevel, StockMovement
from pms_backend.events.models import Event
from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.contract import FigureReport, Resource, VariantReference
from pms_integration.connectors.standard import StandardConnector
from pms_integration.models import PMSConnection, PMSProduct, PMSRefetch, PMSStock, PMSVariant
from pms_integration.services.report_validation import MAX_SKEW
from products.models import Product, Variant
from tests.factories import make_product
from tests.pms_integration.outgoing.calling import answering
from tests.pms_integration.refetches.asking import Shop, failures, make_due, request, seconds_until_due
from tests.pms_integration.reports import apply, product

pytestmark = pytest.mark.django_db


def on_hand() -> dict[str, int]:
    return dict(StockLevel.objects.values_list("variant__sku", "on_hand"))


def test_a_product_is_asked_for_and_applied(shop: Shop, pms: PMSConnection):
    shop.products = {"7": product("7", 3), "8": product("8", 1, sku="B-1")}
    request(pms, "7", "8", resource=Resource.PRODUCT)

    assert services.ask_due_refetches() == 2

    assert sorted(shop.asked) == [["7"], ["8"]]
    assert not PMSRefetch.objects.exists()
    assert PMSProduct.objects.get(external_id="7").version == 3
    event = Event.objects.filter(type="product.created").earliest("id")
    assert (event.actor, event.request_id.startswith("refetch-")) == ("pms:demo", True)


def test_a_product_that_is_gone_is_archived(shop: Shop, pms: PMSConnection):
    apply(pms, "product.created", product("7", 1))
    request(pms, "7", resource=Resource.PRODUCT)

    services.ask_due_refetches()

    assert not PMSRefetch.objects.exists()
    assert Product.objects.get().status == "archived"
    assert PMSProduct.objects.get().is_deleted


def test_what_has_to_be_asked_for_by_a_webhook_ends_with_what_the_pms_has(shop: Shop, pms: PMSConnection):
    """Other content came with the same version: neither of the two has to be the last."""
    shop.products = {"7": product("7", 3, name="Third lamp")}
    for name in ("Lamp", "Second lamp"):
        apply(pms, "product.updated", product("7", 3, name=name))

    services.ask_due_refetches()

    assert Product.objects.get().name == "Third lamp"
    # The answer differed from the webhook's, with the same version once more: it is the last word.
    assert (len(shop.asked), PMSRefetch.objects.count()) == (1, 0)


@pytest.mark.parametrize(("names", "calls"), [(50, 1), (51, 2)])
def test_stock_of_fifty_is_one_call(shop: Shop, pms: PMSConnection, names: int, calls: int):
    skus = [f"A-{number}" for number in range(names)]
    for number, sku in enumerate(skus):
        make_product(sku)
        shop.put(sku, number)
    request(pms, *skus)

    assert services.ask_due_refetches() == names

    assert [len(asked) for asked in shop.asked] == [50, 1][:calls]
    assert on_hand() == {sku: number for number, sku in enumerate(skus)}
    assert not PMSRefetch.objects.exists()
    movement = StockMovement.objects.latest("id")
    assert (movement.source.startswith("demo:refetch-"), movement.actor) == (True, "pms:demo")
    assert set(PMSStock.objects.values_list("webhook_id", flat=True)) == {""}


def test_a_sku_is_the_same_in_another_case(shop: Shop, pms: PMSConnection):
    make_product("A-1")
    shop.put("a-1", 5)
    shop.stock["A-1"] = shop.stock["a-1"]
    request(pms, "A-1")

    services.ask_due_refetches()

    assert (on_hand(), PMSRefetch.objects.count()) == ({"A-1": 5}, 0)


def test_a_sku_that_the_pms_does_not_know_ends_its_refetch(shop: Shop, pms: PMSConnection):
    make_product("A-1")
    request(pms, "A-1", "gone")
    shop.put("A-1", 3)

    services.ask_due_refetches()

    assert (on_hand(), PMSRefetch.objects.count()) == ({"A-1": 3}, 0)


def test_stock_of_an_unknown_variant_waits_for_it(shop: Shop, pms: PMSConnection):
    make_product("A-1")
    shop.put("A-1", 3)
    shop.put("new", 8)
    request(pms, "A-1", "new")

    services.ask_due_refetches()

    assert (on_hand(), failures()) == ({"A-1": 3}, {"new": 0})
    assert 290 < seconds_until_due()["new"] <= 300
    make_product("NEW")
    make_due()
    services.ask_due_refetches()
    assert (on_hand(), PMSRefetch.objects.count()) == ({"A-1": 3, "NEW": 8}, 0)


def test_after_a_day_it_is_given_up(shop: Shop, pms: PMSConnection, caplog: pytest.LogCaptureFixture):
    shop.put("new", 8)
    request(pms, "new")
    PMSRefetch.objects.update(requested_at=timezone.now() - timedelta(hours=23))
    services.ask_due_refetches()
    assert (failures(), caplog.records) == ({"new": 0}, [])

    PMSRefetch.objects.update(requested_at=timezone.now() - timedelta(hours=25))
    make_due()
    services.ask_due_refetches()

    assert not PMSRefetch.objects.exists()
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage() == (
        "The stock new of the PMS demo is not asked for any more: The SKU new is not known yet."
    )


@pytest.mark.django_db(transaction=True)
def test_a_request_during_the_call_is_asked_again(shop: Shop, pms: PMSConnection):
    make_product("A-1")
    shop.put("A-1", 3)
    before = shop.stock["A-1"]

    def sells_while_it_answers(handler: Any) -> None:
        # Before the answer is sent: the worker ends its lease as soon as it has it.
        shop.answers.clear()
        shop.put("A-1", 2, version=2, minute=0)
        request(pms, "A-1")
        connections.close_all()
        answering({"stock": before, "next": None})(handler)

    shop.answers["A-1"] = sells_while_it_answers
    request(pms, "A-1")

    assert services.ask_due_refetches() == 2

    assert (on_hand(), PMSRefetch.objects.count()) == ({"A-1": 2}, 0)
    # Each answer is a source of its own.
    assert len(set(StockMovement.objects.values_list("source", flat=True))) == 2


def dated(value: Any, moment: Any):
    """Answers with this clock."""

    def respond(handler: Any) -> None:
        body = json.dumps(value).encode()
        handler.send_response_only(200)
        if moment is not None:
            handler.send_header("Date", format_datetime(moment, usegmt=True))
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return respond


@pytest.mark.parametrize("is_known", [True, False])
def test_a_figure_is_yet_to_come_by_the_clock_of_the_pms(shop: Shop, pms: PMSConnection, is_known: bool):
    make_product("A-1")
    ahead = 2 * MAX_SKEW
    shop.put("A-1", 3, minute=ahead.total_seconds() / 60)
    clock = timezone.now() + ahead if is_known else None
    shop.answers["A-1"] = dated({"stock": shop.stock["A-1"], "next": None}, clock)
    request(pms, "A-1")

    services.ask_due_refetches()

    assert (on_hand(), failures()) == (({"A-1": 3}, {}) if is_known else ({}, {"A-1": 1}))


def test_figures_may_name_variants_by_another_name_than_they_were_asked_by(
    shop: Shop, pms: PMSConnection, monkeypatch: pytest.MonkeyPatch
):
    """The PMS was asked by ids and tells SKUs: what it says is applied, and what cannot be is asked for again."""

    class TellsSkus(StandardConnector):
        def get_stock(self, client: Any, names: Any) -> Any:
            client.send("GET", "/stock", query=[("sku", "A-1")])
            skus = {"id-1": "A-1", "id-2": "new"}
            return [
                FigureReport(variant=VariantReference(sku=skus[name]), location="main", on_hand=4, occurred_at=None)
                for name in names
            ]

    monkeypatch.setitem(CONNECTORS, "standard", TellsSkus())
    make_product("A-1")
    request(pms, "id-1", "id-2")

    services.ask_due_refetches()

    assert on_hand() == {"A-1": 4}
    # Which of the two the unknown variant is cannot be told.
    assert failures() == {"id-1": 0, "id-2": 0}


def test_a_figure_may_name_its_variant_by_the_id_that_was_asked_for(
    shop: Shop, pms: PMSConnection, monkeypatch: pytest.MonkeyPatch
):
    class TellsIds(StandardConnector):
        def get_stock(self, client: Any, names: Any) -> Any:
            client.send("GET", "/stock", query=[("sku", "A-1")])
            return [
                FigureReport(variant=VariantReference(external_id=name), location="main", on_hand=4, occurred_at=None)
                for name in names
            ]

    monkeypatch.setitem(CONNECTORS, "standard", TellsIds())
    make_product("A-1")
    PMSVariant.objects.create(connection=pms, external_id="id-1", variant=Variant.objects.get())
    request(pms, "id-1", "id-2")

    services.ask_due_refetches()

    assert (on_hand(), failures()) == ({"A-1": 4}, {"id-2": 0})
