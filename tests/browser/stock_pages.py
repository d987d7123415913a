"""The pages of actions of the warehouse, and a warehouse in which they have something to show."""

from typing import Final

from django.contrib.auth.models import User
from django.urls import reverse

from inventory import services
from inventory.models import Reason, StockLevel, StockMovement, Stocktake, Transfer
from pms_backend.events.services import relay_pending
from tests.factories import make_location, make_product, set_stock
from tests.inventory.reserving import reserve
from tests.products.pictures import make_image
from tests.staff import PASSWORD

# The widths of a phone, a tablet and a computer, with their heights.
SIZES: Final = {390: 844, 820: 1180, 1280: 800}
LONG_NAME: Final = "Adjustable standing desk with two motors, solid oak top, cable tray and a memory for four heights"
PRODUCTS: Final = (
    ("DESK-OAK-160", LONG_NAME, "saddlebrown", "649.00", "Northern furniture"),
    ("LAMP-BRASS", "Brass desk lamp", "goldenrod", "89.90", ""),
    ("CHAIR-MESH-BLACK-WITH-HEADREST-2026", "Office chair", "dimgray", "1249.00", "Northern furniture"),
    ("SHELF-PINE-80", "Pine shelf, 80 cm", "peru", "59.50", "Northern furniture"),
    ("MUG-BLUE", "Stoneware mug", "steelblue", "12.00", "Table & Co."),
    ("RUG-WOOL-200", "Wool rug", "firebrick", "189.00", ""),
    ("VASE-GLASS", "Glass vase", "mediumaquamarine", "34.90", "Table & Co."),
    ("CLOCK-WALL", "Wall clock", "slategray", "39.00", "Table & Co."),
)
SKUS: Final = tuple(sku for sku, *_ in PRODUCTS)


def make_warehouse() -> dict[str, str]:
    """The addresses of pages by name, in a warehouse with one of everything; `anna` may do all."""
    User.objects.create_superuser("anna", password=PASSWORD)
    services.record_stock_days()
    make_location("main", name="Main warehouse, hall 2, behind the loading bay")
    make_location("shop", name="Shop in the High Street", priority=20)
    for code in ("east", "west", "north", "returns"):
        make_location(code, priority=30)
    for number, (sku, name, color, price, brand) in enumerate(PRODUCTS):
        make_image(
            make_product(sku, name=name, status="active", price=price, brand=brand, barcode=_gtin(number)), color
        )
        set_stock(sku, "main", 12_345 if number == 0 else 7 * number)
        set_stock(sku, "shop", number)
    _limits_and_movements()
    for number in range(7):
        reserve((SKUS[0], number + 1), reference=f"ORDER-{1001 + number}{'-WITH-A-LONG-REFERENCE' * (number == 0)}")
    transfer, stocktake = _transfers(), _stocktakes()
    relay_pending()
    return _addresses(transfer, stocktake)


def _gtin(number: int) -> str:
    """An EAN-13 with its check digit."""
    digits = f"400638133{number:03}"
    total = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def _limits_and_movements() -> None:
    services.update_level(sku="LAMP-BRASS", location="main", values={"reorder_point": 20})
    services.update_level(sku="MUG-BLUE", location="shop", values={"backorder_limit": 50})
    services.adjust_stock(sku="MUG-BLUE", location="shop", delta=-9, reason=Reason.SALE, reference="ORDER-0999")
    for delta, reason in ((1_200, Reason.RECEIPT), (-40, Reason.SALE), (-2, Reason.DAMAGE), (2, Reason.CORRECTION)):
        services.adjust_stock(
            sku=SKUS[0], location="main", delta=delta, reason=reason, reference="DELIVERY-2026-000017", note="Bay 4"
        )


def _transfers() -> Transfer:
    for reference in ("Autumn", "Window", "Returns of the week", "", "Fair"):
        services.create_transfer(
            source="main", target="shop", reference=reference, lines=[("DESK-OAK-160", 1_500), ("VASE-GLASS", 2)]
        )
    transfer = services.create_transfer(
        source="main", target="shop", reference="Monday", lines=[("DESK-OAK-160", 3), ("CLOCK-WALL", 2)]
    )
    return services.ship_transfer(transfer_id=transfer.pk)


def _stocktakes() -> Stocktake:
    for code in ("east", "west", "north", "returns", "shop"):
        services.create_stocktake(location=code, note="Before the end of the year")
    stocktake = services.create_stocktake(location="main", note="Hall 2, shelves A to D")
    counts = [services.StocktakeCount(sku=sku, counted=5) for sku in SKUS[:2]]
    return services.record_counts(stocktake_id=stocktake.pk, counts=counts)


def _addresses(transfer: Transfer, stocktake: Stocktake) -> dict[str, str]:
    level = StockLevel.objects.get(variant__sku=SKUS[0], location__code="main").pk
    movement = StockMovement.objects.filter(level=level, reason=Reason.CORRECTION).latest("id").pk
    return {
        "level": reverse("admin:inventory_stocklevel_change", args=[level]),
        "scan": reverse("admin:inventory_stocklevel_scan") + f"?q={SKUS[0]}",
        "transfer": reverse("admin:inventory_transfer_change", args=[transfer.pk]),
        "new-transfer": reverse("admin:inventory_transfer_add"),
        "receive-transfer": reverse("admin:inventory_transfer_receive", args=[transfer.pk]),
        "count-sheet": reverse("admin:inventory_stocktake_count", args=[stocktake.pk]),
        "review": reverse("admin:inventory_stocktake_post_counts", args=[stocktake.pk]),
        "movement": reverse("admin:inventory_stockmovement_change", args=[movement]),
        "reverse": reverse("admin:inventory_stockmovement_reverse_movement", args=[movement]),
        "bulk": reverse("admin:inventory_stocklevel_bulk"),
        "labels": reverse("admin:inventory_stocklevel_labels", args=[level]),
    }
