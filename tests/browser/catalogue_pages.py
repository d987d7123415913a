"""The pages of the catalogue's actions, and products, categories and imports that have something to show."""

from decimal import Decimal
from typing import Final

from django.urls import reverse

from pms_backend.api.context import Door, bind
from pms_integration.files import services as files
from pms_integration.files.runner import run_imports
from pms_integration.models import ImportJob
from products import services
from products.models import Category, Product
from tests.browser.stock_pages import LONG_NAME
from tests.factories import make_product
from tests.products.pictures import file_of, make_image

# A file of a shop: changed, new, refused and left alone, and a column that is not imported.
FILE: Final = """\
Handle,Title,Vendor,Variant SKU,Variant Price,Gift Card
brass-desk-lamp,Brass desk lamp with a dimmer,Lights of the North,LAMP-BRASS,94.50,
office-chair,Office chair,Northern furniture,CHAIR-MESH-BLACK-WITH-HEADREST-2026,1299,
rack,Rack for eight mugs,,MUG-RACK,49,
bench,"Garden bench for three, of oiled acacia wood",Seats and more,BENCH-ACACIA-OILED-THREE-SEATS,189,
sofa,Sofa,,SOFA-GREEN,cheap,
wall-clock,Wall clock,Table & Co.,CLOCK-WALL,39,
"""


def make_catalogue() -> dict[str, str]:
    """The addresses of pages by name, for the products of `make_warehouse`."""
    desks = _categories()
    desk, draft = _changed_desk(desks), _draft(desks)
    preview, imported = _imports()
    upload = reverse("admin:pms_integration_importjob_import_file")
    return {
        "active-products": reverse("admin:products_product_changelist") + "?status__exact=active",
        "product": _of_product(desk),
        "draft": _of_product(draft),
        "duplicate": _of_product(desk, "duplicate"),
        "product-history": _of_product(desk, "history"),
        "product-labels": _of_product(desk, "labels"),
        "import-file": upload,
        "import-directly": f"{upload}?direct=1",
        **{f"preview-{tab}": _of_import(preview, tab) for tab in ("new", "changed", "refused", "warnings")},
        "preview-left-alone": _of_import(preview, "left-alone"),
        "import": _of_import(imported, "new"),
        **{f"search-{text or 'empty'}": reverse("admin:search") + f"?q={text}" for text in ("desk", "", "nowhere")},
    }


def _categories() -> Category:
    """The lowest of a long branch of the tree."""
    furniture = services.create_category(name="Furniture for offices, workshops and studios")
    desks = services.create_category(name="Desks", parent=furniture)
    services.create_category(name="Chairs", parent=furniture)
    return services.create_category(name="Standing desks with two motors", parent=desks)


def _changed_desk(category: Category) -> Product:
    """A product with a history, and with a second picture."""
    desk = Product.objects.get(name=LONG_NAME)
    changes = (
        (
            Door.ADMIN,
            "user:anna",
            {"category": category.slug, "tags": ["office", "new"]},
        ),
        (
            Door.API,
            "client:marketplace",
            {"variants": [{"sku": "DESK-OAK-160", "price": Decimal(629), "cost": Decimal("311.25")}]},
        ),
        (Door.PMS, "pms:marketplace", {"description": "For sitting and standing, with a top of solid oak. " * 5}),
        (Door.IMPORT, "user:anna", {"variants": [{"sku": "DESK-OAK-160", "price": Decimal(1679)}]}),
    )
    for door, actor, data in changes:
        with bind(door=door, actor=actor):
            services.update_product(product_id=desk.pk, data=data)
    make_image(desk, "peru", alt="The desk from the side, raised to its full height, with the cable tray below its top")
    return desk


def _draft(category: Category) -> Product:
    """A product with two options, a variant without a price, and two pictures."""
    woods = ("Oak", "Walnut, oiled and brushed by hand")
    variants = [
        {
            "sku": f"TOP-{size}-{wood[:3].upper()}",
            "price": None if (size, wood) == ("160", woods[1]) else "1249.50",
            "options": {"Length": f"{size} cm", "Wood": wood},
        }
        for size in ("120", "160")
        for wood in woods
    ]
    options = [{"name": "Length", "values": ["120 cm", "160 cm"]}, {"name": "Wood", "values": [*woods]}]
    name = "Desk top of solid wood, for frames of our own and of others"
    draft = make_product(name=name, category=category.slug, options=options, variants=variants)
    make_image(draft, "tan")
    make_image(draft, "sienna", alt="The edge of the top")
    return draft


def _imports() -> tuple[ImportJob, ImportJob]:
    """A preview, and the import that has followed another one."""
    header = FILE.partition("\n")[0]
    preview = _preview("chairs.csv", f'{header}\nstool,"Stool, beech",Seats and more,STOOL-BEECH,49,\n')
    imported = files.import_previewed(preview_id=preview.pk, client="user:1", may_set_stock=True)
    run_imports()
    return _preview("furniture-and-lamps-of-all-our-suppliers-in-the-north-2026-11.csv", FILE), imported


def _preview(name: str, content: str) -> ImportJob:
    file = files.store_file(upload=file_of(content.encode(), name, "text/csv"), format=None, may_set_stock=True)
    job = files.create_import(file=file, location=files.location_of("main"), client="user:1", dry_run=True)
    run_imports()
    return job


def _of_product(product: Product, page: str = "change") -> str:
    return reverse(f"admin:products_product_{page}", args=[product.pk])


def _of_import(job: ImportJob, tab: str) -> str:
    return reverse("admin:pms_integration_importjob_change", args=[job.pk]) + f"?show={tab}"
