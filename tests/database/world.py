"""A row of every table, in a state that the rules allow."""

from datetime import timedelta
from uuid import uuid4

from django.contrib.auth.models import User
from django.utils import timezone

from inventory import services as inventory
from inventory.models import StockMovement
from pms_backend.access import services as access
from pms_backend.access.caller import caller_of_user
from pms_backend.access.models import AuditEntry, SigningKey, SupabaseUser
from pms_backend.api.models import IdempotencyKey
from pms_backend.events.models import Event, ParkedEvent
from pms_backend.events.services import relay_pending
from pms_backend.operations.alerts.services import record_alerts
from pms_backend.operations.alerts.tracker import Finding, TrackedAlert
from pms_backend.operations.business_metrics.services import add_increases
from pms_backend.operations.models import AlertSeverity
from pms_backend.operations.services import record_heartbeat
from pms_integration.models import (
    ImportJob,
    PMSCategory,
    PMSConnection,
    PMSProduct,
    PMSProductPush,
    PMSRefetch,
    PMSStockPush,
    PMSVariant,
    SyncRun,
)
from products import services as products
from products.models import Category, ImageFile, ImageUpload, Product, Variant
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.pms_integration.reports import apply, delta, figure, receive
from webhooks import services as webhooks
from webhooks.services.endpoints import EndpointURL


def make_world() -> None:
    """Stock that is reserved, on its way, reported and being counted; a catalogue, an import, a feed; callers."""
    _make_clients()
    _observe()
    _make_catalogue()
    main, back, shop = (make_location(code) for code in ("main", "back", "shop"))
    make_location("last")
    for sku, location in (("A-1", main), ("B-1", main), ("A-1", back)):
        set_stock(sku, location, 10)
    demo = make_connection(owns=shop)
    make_connection("other")
    apply(demo, "inventory.updated", {**figure(7, minute=-2), "location": "shop"})
    apply(demo, "inventory.adjusted", {**delta(-1, minute=-1), "location": "shop"})
    receive(demo, "unknown", {})
    _make_pms_products(demo)
    PMSVariant.objects.create(connection=demo, external_id="V1", variant=Variant.objects.get(sku="A-1"))
    PMSRefetch.objects.create(connection=demo, resource="product", external_id="P1")
    movement = StockMovement.objects.latest("id")
    PMSStockPush.objects.create(
        connection=demo, level=movement.level, movement=movement, delta=1, reason="receipt", occurred_at=timezone.now()
    )
    run = SyncRun.objects.create(connection=demo, mode="full", resources=["products"], actor="system")
    run.reports.create(resource="products", key="0" * 64, report={}, received_at=timezone.now())
    run.differences.create(resource="products", external_id="P1", action="none")
    inventory.adjust_stock(sku="A-1", location="main", delta=-1, reason="sale", reference="till-1", dedupe=True)
    inventory.record_stock_days()
    received = inventory.adjust_stock(sku="A-1", location="main", delta=2, reason="receipt").movement
    inventory.reverse_movement(movement_id=(received or {})["id"])
    _promise("order-1", "A-1")
    inventory.release_reservation(reservation_id=_promise("order-2", "B-1"), client=None)
    shipped = inventory.create_transfer(source="main", target="back", lines=[("A-1", 3)])
    inventory.ship_transfer(transfer_id=shipped.pk)
    inventory.create_transfer(source="main", target="back", lines=[("B-1", 1)])
    inventory.create_stocktake(location="main")
    set_stock("B-1", back, 1)
    file = {"format": "csv", "file_name": "lamps.csv", "size_bytes": 3, "location": main, "actor": "system", "total": 1}
    job = ImportJob.objects.create(**file)
    preview = ImportJob.objects.create(dry_run=True, **file)
    ImportJob.objects.create(preview=preview, **file)
    job.problems.create(line=2, code="invalid", detail="No.")
    job.results.create(line=3, action="none", product=Product.objects.earliest("id"))
    preview.names.create(name_hash=1, offset=0, line=2)
    relay_pending()
    _deliver()
    ParkedEvent.objects.create(event=Event.objects.earliest("id"), receiver="tests")


def _make_clients() -> None:
    long_ago = timezone.now() - timedelta(days=2)
    AuditEntry.objects.create(action="user.changed", subject="user:1", actor="user:1", occurred_at=long_ago)
    access.create_api_client(name="tests", scopes=["products:read"], signing=True)
    access.use_nonce(signing_key=SigningKey.objects.get(), nonce="once")
    SupabaseUser.objects.create(subject="one", user=User.objects.create(username="one"))
    access.issue_ticket(caller=caller_of_user(User.objects.create(username="other")))
    IdempotencyKey.objects.create(digest=b"0" * 32, fingerprint=b"0" * 32, status=201, body=b"{}")


def _observe() -> None:
    """A worker that was seen, a counter that rose and an alert that is open."""
    record_heartbeat(name="default")
    add_increases({("pms_deliveries_total", (("result", "delivered"),)): 1})
    finding = Finding(AlertSeverity.CRITICAL, "it does not answer")
    record_alerts([TrackedAlert(("redis", ""), finding, began_at=timezone.now(), is_open=True)])


def _deliver() -> None:
    """Two endpoints, one of them with two secrets, and a delivery that has failed once."""
    endpoint = webhooks.create_endpoint(url=EndpointURL("https://shop.example/"), event_types=["*"])
    make_product("W-1")
    relay_pending()
    delivery = endpoint.deliveries.earliest("id")
    delivery.attempts.create(endpoint=endpoint, at=timezone.now(), status=500, ms=7)
    webhooks.rotate_secret(endpoint_id=endpoint.pk)
    webhooks.create_endpoint(url=EndpointURL("https://other.example/"), event_types=["*"])


def _make_catalogue() -> None:
    root = products.create_category(name="Root")
    products.create_category(name="Leaf", parent=root)
    lamp = make_product("A-1", name="Lamp")
    make_product("B-1", name="Chair")
    make_product(
        "", name="Desk", options=[{"name": "Colour", "values": ["Red"]}],
        variants=[{"sku": "D-1", "price": "1.00", "options": {"Colour": "Red"}}],
    )  # fmt: skip
    make_product("S-1", name="Spare")
    content = ImageFile.objects.create(sha256="0" * 64, file="products/images/0.png", width=1, height=1, size_bytes=1)
    lamp.images.create(image_file=content)
    lamp.images.create(image_file=content, source_url="https://example.com/0.png")
    ImageUpload.objects.create(
        public_id="0" * 32, identity="client:1", name="0.png", size_bytes=1, expires_at=lamp.created_at
    )


def _make_pms_products(pms: PMSConnection) -> None:
    linked = PMSProduct.objects.create(connection=pms, external_id="P1", product=Product.objects.get(name="Lamp"))
    PMSProductPush.objects.create(pms_product=linked, idempotency_key=uuid4(), payload={}, sent={})
    PMSProduct.objects.create(connection=pms, product=Product.objects.get(name="Chair"))
    PMSCategory.objects.create(connection=pms, category=Category.objects.get(name="Root"), external_name="Roots")


def _promise(reference: str, sku: str) -> int:
    lines = [inventory.ReservationRequest(sku=sku, quantity=2, location="main")]
    reservation, _ = inventory.reserve_stock(client="client:tests", reference=reference, lines=lines, expires_in=900)
    return reservation.pk
