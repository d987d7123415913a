"""Products that a PMS reports are linked to ours: by SKU, or by barcode; what is ambiguous is a conflict."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from inventory.models import StockLevel
from pms_backend.events.models import Event
from pms_integration import services
from pms_integration.connectors.contract import ProductReport
from pms_integration.models import PMSConnection, PMSEvent, PMSProduct, PMSVariant
from pms_integration.services.outcomes import Outcome
from pms_integration.services.product_matching import MAX_NAMED
from pms_integration.services.product_reports import apply_product_reports
from pms_integration.services.report_validation import validated
from pms_integration.services.valid_reports import Reported
from products import services as products
from products.models import Product, Variant
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.pms_integration.reports import apply, product, receive

pytestmark = [pytest.mark.django_db, pytest.mark.database]

LINKED_PRODUCT = "a product that is linked to another product of the PMS"


@pytest.fixture
def pms() -> PMSConnection:
    return make_connection("demo")


def with_barcodes(number: str, *, version: int = 1, **barcodes: str) -> dict[str, Any]:
    """A product of the PMS with a variant for each SKU."""
    variants = [
        {"sku": sku, "barcode": barcode, "price": "5.00", "options": {"Size": sku}} for sku, barcode in barcodes.items()
    ]
    return product(number, version, name="Theirs", variants=variants)


def ours(name: str, **barcodes: str) -> Product:
    """A product of ours with a variant for each SKU."""
    variants = [{"sku": sku, "barcode": barcode, "options": {"Size": sku}} for sku, barcode in barcodes.items()]
    return make_product(name=name, variants=variants)


def skus(product: Product) -> list[str]:
    return list(product.variants.order_by("pk").values_list("sku", flat=True))


def assert_conflict(pms: PMSConnection, data: dict[str, Any], reason: str) -> None:
    """Reported twice, the product is a conflict that is announced once, and nothing else changes."""
    before = list(Variant.objects.order_by("pk").values_list("pk", "product_id", "sku", "updated_at"))
    known = Event.objects.count()

    for version in (0, 1):
        event = apply(pms, "product.updated", data | {"version": data["version"] + version})
        assert (event.status, event.reason) == ("processed", reason)

    row = pms.products.with_state().get(external_id=data["id"])
    assert (row.state, row.why, row.version) == ("conflict", reason, None)
    assert list(Variant.objects.order_by("pk").values_list("pk", "product_id", "sku", "updated_at")) == before
    (announced,) = Event.objects.order_by("id")[known:]
    assert (announced.type, announced.data["external_id"], announced.data["detail"]) == (
        "pms.conflict",
        data["id"],
        reason,
    )


def test_a_product_without_a_known_sku_is_linked_by_the_barcodes_of_its_variants(pms: PMSConnection) -> None:
    lamp = ours("Lamp", OLD_S="b-s", OLD_M="b-m")
    small, medium = lamp.variants.order_by("pk")
    make_location("main")
    set_stock("OLD_S", "main", 7)
    data = with_barcodes("7", NEW_S="b-s", NEW_M="b-m", NEW_L="b-l")
    data["variants"][0]["id"] = "v-1"

    event = apply(pms, "product.created", data)

    assert (event.status, event.reason) == (
        "processed",
        "Linked by barcode: the SKU OLD_S is now NEW_S, the SKU OLD_M is now NEW_M.",
    )
    row = pms.products.with_state().get()
    assert (row.product, row.state, row.why) == (lamp, "in_sync", event.reason)
    assert [(v.pk, v.sku) for v in lamp.variants.order_by("pk")[:2]] == [(small.pk, "NEW_S"), (medium.pk, "NEW_M")]
    assert skus(lamp) == ["NEW_S", "NEW_M", "NEW_L"]
    assert Product.objects.get().name == "Theirs"
    assert PMSVariant.objects.get().variant == small
    assert StockLevel.objects.get(variant__sku="NEW_S").on_hand == 7
    updated = Event.objects.filter(type="product.updated").get()
    assert (updated.request_id, updated.data["product"]["variants"][0]["sku"]) == (event.webhook_id, "NEW_S")

    assert apply(pms, "product.updated", data | {"version": 2}).reason == ""
    assert skus(lamp) == ["NEW_S", "NEW_M", "NEW_L"]


def test_variants_of_ours_without_a_barcode_of_the_report_keep_their_skus(pms: PMSConnection) -> None:
    lamp = ours("Lamp", OLD="b-1", OTHER="", THIRD="b-3")

    apply(pms, "product.created", with_barcodes("7", NEW="b-1"))

    assert skus(lamp) == ["NEW", "OTHER", "THIRD"]


def test_a_known_sku_decides_whatever_the_barcodes_are(pms: PMSConnection) -> None:
    by_sku, by_barcode = ours("Lamp", A="b-1"), ours("Desk", B="b-2")

    event = apply(pms, "product.created", with_barcodes("7", a="b-2", NEW="b-2"))

    assert (event.reason, pms.products.get().product) == ("", by_sku)
    assert (skus(by_sku), skus(by_barcode)) == (["a", "NEW"], ["B"])


@pytest.mark.parametrize("barcode", ["B-1", "b-10", "b 1", ""])
def test_barcodes_are_compared_as_they_are_stored(pms: PMSConnection, barcode: str) -> None:
    ours("Lamp", OLD="b-1", EMPTY="")

    apply(pms, "product.created", with_barcodes("7", NEW=barcode))

    assert Product.objects.count() == 2
    apply(pms, "product.created", with_barcodes("8", TRIMMED=" b-1 "))
    assert Product.objects.count() == 2


@pytest.mark.parametrize(
    ("reported", "reason"),
    [
        ({"NEW": "b-double"}, "The barcode b-double belongs to several variants."),
        ({"NEW": "b-twice"}, "The barcode b-twice belongs to several variants."),
        ({"NEW": "b-1", "NEW2": "b-twice"}, "The barcode b-twice belongs to several variants."),
        ({"NEW": "b-1", "NEW2": "b-2"}, "The barcodes b-1, b-2 belong to several products."),
        ({"NEW": "b-1", "NEW2": "b-1"}, "The barcode b-1 belongs to several variants of the PMS's product."),
        ({"A": "", "C": ""}, "The SKUs A, C belong to several products."),
    ],
)
def test_what_is_ambiguous_is_a_conflict(pms: PMSConnection, reported: dict[str, str], reason: str) -> None:
    ours("Lamp", A="b-1", A2="b-double", A3="b-double", A4="b-twice")
    ours("Desk", B="b-2", B2="b-twice")
    ours("Chair", C="")

    assert_conflict(pms, with_barcodes("7", **reported), reason)


def test_skus_of_a_product_that_is_linked_already_are_a_conflict(pms: PMSConnection) -> None:
    ours("Lamp", A="", B="")
    apply(pms, "product.created", with_barcodes("7", A=""))
    apply(pms, "product.created", with_barcodes("8", C=""))

    assert_conflict(pms, with_barcodes("9", B=""), f"The SKU B belongs to {LINKED_PRODUCT}.")
    assert apply(pms, "product.updated", with_barcodes("8", version=2, C="", B="")).reason == (
        "The SKU B belongs to another product."
    )


def test_a_reason_names_a_few_skus_only(pms: PMSConnection) -> None:
    for number in range(MAX_NAMED + 2):
        ours("Lamp", **{f"S{number}": ""})

    event = apply(pms, "product.created", with_barcodes("7", **{f"S{number}": "" for number in range(MAX_NAMED + 2)}))

    assert event.reason == "The SKUs S0, S1, S2, S3, S4 and 2 more belong to several products."


def test_a_conflict_of_barcodes_heals_when_one_of_them_is_gone(pms: PMSConnection) -> None:
    lamp, desk = ours("Lamp", A="b-1"), ours("Desk", B="b-1")
    apply(pms, "product.created", with_barcodes("7", NEW="b-1"))
    products.archive_product(product_id=desk.pk)

    event = apply(pms, "product.updated", with_barcodes("7", NEW="b-1"))

    assert event.reason == "Linked by barcode: the SKU A is now NEW."
    assert (pms.products.get().product, pms.products.with_state().get().state) == (lamp, "in_sync")


def test_archived_products_and_variants_are_not_named_by_their_barcodes(pms: PMSConnection) -> None:
    archived = ours("Lamp", A="b-1")
    products.archive_product(product_id=archived.pk)
    desk = ours("Desk", B="b-2", B2="b-1")
    row = {"sku": "B", "options": {"Size": "B"}}
    products.replace_product(product_id=desk.pk, data={"name": "Desk", "variants": [row]})

    event = apply(pms, "product.created", with_barcodes("7", NEW="b-1"))

    assert (event.reason, Product.objects.count()) == ("", 3)
    assert skus(pms.products.get().product) == ["NEW"]


def test_the_barcodes_of_a_product_that_is_linked_already_link_nothing(pms: PMSConnection) -> None:
    lamp = ours("Lamp", A="b-1")
    apply(pms, "product.created", with_barcodes("7", A="b-1"))

    event = apply(pms, "product.created", with_barcodes("8", NEW="b-1"))

    assert (event.reason, skus(lamp)) == ("", ["A"])
    assert skus(pms.products.get(external_id="8").product) == ["NEW"]

    desk = ours("Desk", D="b-1")
    assert_conflict(pms, with_barcodes("9", NEWER="b-1"), "The barcode b-1 belongs to several variants.")
    assert skus(desk) == ["D"]


def test_a_link_at_another_connection_is_none_here(pms: PMSConnection) -> None:
    lamp = ours("Lamp", A="b-1")
    apply(make_connection("other"), "product.created", with_barcodes("7", A="b-1"))

    event = apply(pms, "product.created", with_barcodes("7", NEW="b-1"))

    assert event.reason == "Linked by barcode: the SKU A is now NEW."
    assert list(PMSProduct.objects.values_list("product", flat=True)) == [lamp.pk, lamp.pk]


def applied_together(pms: PMSConnection, *reported: dict[str, Any]) -> list[tuple[str, str]]:
    for data in reported:
        receive(pms, "product.created", data)
    services.apply_due_events()
    return list(PMSEvent.objects.order_by("pk").values_list("status", "reason"))


def test_of_two_products_of_a_batch_with_one_barcode_the_first_is_linked(pms: PMSConnection) -> None:
    lamp = ours("Lamp", OLD="b-1")

    outcomes = applied_together(pms, with_barcodes("7", NEW="b-1"), with_barcodes("8", NEWER="b-1"))

    assert outcomes == [("processed", "Linked by barcode: the SKU OLD is now NEW."), ("processed", "")]
    assert pms.products.get(external_id="7").product == lamp
    assert skus(pms.products.get(external_id="8").product) == ["NEWER"]


def test_if_the_first_of_a_batch_cannot_be_used_the_second_is_linked(pms: PMSConnection) -> None:
    lamp = ours("Lamp", OLD="b-1")
    unusable = with_barcodes("7", NEW="b-1") | {"options": [{"name": "Size", "values": ["none of them"]}]}
    usable = with_barcodes("7", version=2, NEW="b-1")

    outcomes = pulled(pms, unusable, with_barcodes("8", NEWER="b-1"), usable)

    assert [outcome.status for outcome in outcomes] == ["dead", "processed", "processed"]
    assert [outcome.match for outcome in outcomes] == [None, "barcode", "new"]
    assert pms.products.get(external_id="8").product == lamp
    assert skus(lamp) == ["NEWER"]


def test_a_sku_that_a_link_of_the_batch_has_set_free_is_of_a_new_product(pms: PMSConnection) -> None:
    lamp = ours("Lamp", OLD="b-1")

    outcomes = applied_together(pms, with_barcodes("7", NEW="b-1"), with_barcodes("8", OLD="b-2"))

    assert outcomes[1] == ("processed", "")
    assert skus(lamp) == ["NEW"]
    assert skus(pms.products.get(external_id="8").product) == ["OLD"]


def test_a_barcode_that_a_report_of_the_batch_takes_is_ambiguous_for_the_next(pms: PMSConnection) -> None:
    ours("Lamp", A="b-1")
    apply(pms, "product.created", with_barcodes("6", B="b-2"))
    PMSEvent.objects.all().delete()

    outcomes = applied_together(
        pms, with_barcodes("6", version=2, B="b-1"), with_barcodes("7", NEW="b-1"), with_barcodes("8", NEWER="b-2")
    )

    assert outcomes == [
        ("processed", ""),
        ("processed", "The barcode b-1 belongs to several variants."),
        ("processed", ""),
    ]


def test_a_barcode_that_a_report_of_the_batch_gives_up_links_the_next(pms: PMSConnection) -> None:
    lamp = ours("Lamp", A="b-1")
    desk = ours("Desk", B="b-1")
    apply(pms, "product.created", with_barcodes("6", B="b-1"))
    PMSEvent.objects.all().delete()

    outcomes = applied_together(pms, with_barcodes("6", version=2, B="b-2"), with_barcodes("7", NEW="b-1"))

    assert outcomes == [("processed", ""), ("processed", "Linked by barcode: the SKU A is now NEW.")]
    assert (skus(lamp), skus(desk)) == (["NEW"], ["B"])


def test_the_statements_do_not_grow_with_the_products_that_are_linked_or_in_conflict(pms: PMSConnection) -> None:
    for number in range(30):
        ours("Lamp", **{f"OLD-{number}": f"b-{number}"})
        ours("Desk", **{f"ONE-{number}": f"c-{number}", f"TWO-{number}": f"c-{number}"})

    services.apply_due_events()  # The first one of a process tries again what failed by us.

    def statements(numbers: range) -> int:
        for number in numbers:
            receive(pms, "product.created", with_barcodes(f"P-{number}", **{f"NEW-{number}": f"b-{number}"}))
            receive(pms, "product.created", with_barcodes(f"C-{number}", **{f"NO-{number}": f"c-{number}"}))
        with CaptureQueriesContext(database) as captured:
            services.apply_due_events()
        return len(captured)

    few, many = statements(range(2)), statements(range(2, 30))

    assert many == few
    assert pms.products.with_state().filter(product__isnull=False, state="in_sync").count() == 30
    assert pms.products.with_state().filter(product=None, state="conflict").count() == 30


def pulled(pms: PMSConnection, *reported: dict[str, Any]) -> list[Outcome]:
    """The outcomes of products that the PMS was asked for, in their order."""
    now = datetime.now(tz=UTC)
    reports = [
        Reported(
            message_id=number,
            name="pull-1",
            line=number,
            report=validated(
                ProductReport(external_id=data["id"], version=data["version"], data=data, payload=data),
                received_at=now,
                slug=pms.slug,
            ),
            pulled_at=now,
        )
        for number, data in enumerate(reported)
    ]
    return [outcome for _, outcome in sorted(apply_product_reports(pms, reports), key=lambda each: each[0])]


def test_the_outcome_tells_how_a_product_was_matched_and_what_became_of_ours(pms: PMSConnection) -> None:
    ours("Lamp", A="")
    ours("Desk", B="b-2")
    ours("Chair", C="b-3", D="b-3")
    sent = [
        with_barcodes("1", A=""),
        with_barcodes("2", NEW="b-2"),
        with_barcodes("3", OTHER=""),
        with_barcodes("4", E="b-3"),
    ]

    def told(*reported: dict[str, Any]) -> list[tuple[Any, str]]:
        return [(outcome.match, outcome.change) for outcome in pulled(pms, *reported)]

    assert told(*sent) == [("sku", "updated"), ("barcode", "updated"), ("new", "created"), ("conflict", "")]
    again = [data | {"version": 2} for data in sent]
    assert told(*again) == [("linked", "unchanged")] * 3 + [("conflict", "")]
    assert told(*again) == [(None, "")] * 3 + [("conflict", "")]


def test_a_product_that_was_asked_for_is_not_asked_for_again(pms: PMSConnection) -> None:
    pulled(pms, product("7", 3))

    (outcome,) = pulled(pms, product("7", 3, name="Desk lamp"))

    assert (outcome.reason, outcome.change) == ("", "updated")
    assert not pms.refetches.exists()
