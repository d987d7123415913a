"""The catalogue of events: the documentation agrees with the dataclasses and with recorded events."""

import io
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.utils import timezone
from jsonschema import Draft202012Validator

from inventory import services as inventory
from pms_backend.events.domain_events import DomainEvent
from pms_backend.events.models import Event
from pms_backend.events.schemas import payload_schema
from pms_backend.operations.catalogue import event_classes
from pms_backend.outbound.circuit import OPENS_AFTER
from pms_integration.connectors.contract import ConnectorError
from pms_integration.connectors.outgoing import Page
from pms_integration.files import services as imports
from pms_integration.files.runner import run_imports
from pms_integration.models import PMSConnection, SyncMode
from pms_integration.services import cancel_sync, start_sync
from pms_integration.services.circuits import record_error
from pms_integration.services.sync.announcing import announce_hold
from pms_integration.services.sync.leases import fail_run, lease_run
from pms_integration.services.sync.listing import store_page
from products import services as products
from tests.architecture.sources import ROOT
from tests.factories import make_connection, make_location, make_product, make_variant, set_stock
from tests.inventory.reserving import outlive, reserve
from tests.pms_integration.reports import apply, figure, product
from webhooks import services as webhooks
from webhooks.models import WebhookEndpoint
from webhooks.services.endpoints import EndpointURL

TYPES = [kind.type for kind in event_classes()]


def closed(schema: Any) -> Any:
    """Returns the schema, for objects that have no other members."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(one) for name, one in schema.items()}
    return {**inner, "additionalProperties": False} if "properties" in schema else inner


def everything_happens() -> None:
    """Every change that records events."""
    category = products.create_category(name="Lamps")
    attributes = {"watts": 40, "colours": ["red"]}
    lamp = make_product(
        category=category.slug, tags=["new"], attributes=attributes,
        options=[{"name": "Size", "values": ["S", "M"]}],
        variants=[{"sku": "A-1", "price": "10.00", "cost": "3.00", "weight_grams": 100, "options": {"Size": "S"}}],
    )  # fmt: skip
    products.publish_product(product_id=lamp.pk)
    products.unpublish_product(product_id=lamp.pk)
    products.archive_product(product_id=lamp.pk)
    products.restore_product(product_id=lamp.pk)
    make_variant("A-2", product=lamp, price=None, options={"Size": "M"})
    products.update_product(product_id=lamp.pk, data={"category": None})
    products.delete_category(category=category)
    main = make_location("main")
    set_stock("A-1", main, 5)
    inventory.update_level(sku="A-1", location="main", values={"reorder_point": 9})
    inventory.adjust_stock(sku="A-1", location="main", delta=-7, reason="damage", note="fell", reference="R-1")
    inventory.adjust_stock(sku="A-1", location="main", delta=20, reason="receipt")


def stock_is_reserved() -> None:
    """Reservations end in each way, the last of them above the reorder point."""
    make_product("HELD")
    set_stock("HELD", make_location("rack"), 5)
    inventory.update_level(sku="HELD", location="rack", values={"reorder_point": 3})
    sold, released, expired = [reserve(("HELD", 1), reference=name) for name in ("sold", "released", "expired")]
    inventory.commit_reservation(reservation_id=sold.pk, client=None)
    inventory.release_reservation(reservation_id=released.pk, client=None)
    outlive(expired)
    inventory.expire_reservations()


def a_pms_reports() -> None:
    """A PMS reports a level, and claims a SKU of ours."""
    pms = make_connection(owns=make_location("pms-place"))
    apply(pms, "product.created", product("7", 1, sku="P-1"))
    apply(pms, "inventory.updated", {**figure(3, minute=0, sku="P-1"), "location": "pms-place"})
    apply(pms, "product.created", product("8", 1, sku="P-1"))


def a_pms_is_unreachable() -> None:
    """A PMS fails until its circuit opens."""
    away = make_connection("away")
    for _ in range(OPENS_AFTER):
        record_error(connection_id=away.pk, is_trial=False, error=ConnectorError("The PMS does not answer."))


def stock_travels_and_is_counted() -> None:
    """Transfers go every way, and a stocktake is posted."""
    for code in ("east", "west"):
        make_location(code)
    make_product("T-1")
    set_stock("T-1", "east", 9)
    sent = [inventory.create_transfer(source="east", target="west", lines=[("T-1", 3)]).pk for _ in range(2)]
    for transfer in sent:
        inventory.ship_transfer(transfer_id=transfer)
    inventory.update_level(sku="T-1", location="east", values={"reorder_point": 4})
    inventory.receive_transfer(transfer_id=sent[0], lines=[("T-1", 2)], shortage="damage")
    inventory.cancel_transfer(transfer_id=sent[1])
    stocktake = inventory.create_stocktake(location="east", note="Sunday").pk
    inventory.record_counts(stocktake_id=stocktake, counts=[inventory.StocktakeCount(sku="T-1", counted=5)])
    inventory.post_stocktake(stocktake_id=stocktake)


def a_pms_is_synced() -> None:
    """A run lists something and is held, another one ends, and one is given up."""
    PMSConnection.objects.filter(pk=make_connection("synced").pk).update(base_url="https://pms.example")
    held = start_sync(slug="synced", mode=SyncMode.FULL)
    lease = lease_run()
    assert lease is not None
    store_page(lease=lease, page=Page(reports=[], cursor="2", moment=timezone.now()), must_overlap=False)
    held.refresh_from_db()
    held.held_because = "It would archive 30 of 40 products."
    announce_hold(held)
    cancel_sync(run_id=held.pk)
    start_sync(slug="synced", mode=SyncMode.INCREMENTAL)
    lease = lease_run()
    assert lease is not None
    fail_run(lease=lease, reason="The PMS answered 401.")


def a_file_is_imported() -> None:
    """An import ends."""
    file = SimpleUploadedFile("lamps.csv", b"Handle,Title\nlamp,Lamp\n")
    stored = imports.store_file(upload=file, format=None, may_set_stock=False)
    imports.create_import(file=stored, location=None, client="")
    run_imports()


def an_endpoint_fails() -> None:
    """An endpoint is tried, its owner is told, and it is disabled."""
    endpoint = webhooks.create_endpoint(url=EndpointURL("https://shop.example/"), event_types=["*"])
    webhooks.send_test(endpoint_id=endpoint.pk)
    since = timezone.now() - timedelta(days=1)
    WebhookEndpoint.objects.update(failing_since=since, last_failure_at=since)
    webhooks.check_failing_endpoints()
    webhooks.update_endpoint(endpoint_id=endpoint.pk, values={"is_active": False})


def test_the_documentation_agrees_with_the_dataclasses():
    out = io.StringIO()

    call_command("describe_events", stdout=out)

    assert (ROOT / "docs" / "events.md").read_text() == out.getvalue(), "manage.py describe_events > docs/events.md"


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_is_documented(kind: str):
    documentation = (ROOT / "docs" / "events.md").read_text()

    assert f"\n- `{kind}`: " in documentation


@pytest.mark.parametrize("kind", event_classes(), ids=TYPES)
def test_the_payload_has_the_dataclass_fields(kind: type[DomainEvent]):
    fact = kind(**{field.name: {} for field in fields(kind)})
    schema = payload_schema(kind)

    Draft202012Validator.check_schema(schema)
    assert list(fact.data()) == list(schema["properties"]) == schema["required"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "happens",
    [
        everything_happens,
        stock_is_reserved,
        a_pms_reports,
        a_pms_is_unreachable,
        a_pms_is_synced,
        stock_travels_and_is_counted,
        a_file_is_imported,
        an_endpoint_fails,
    ],
)
def test_what_is_recorded_is_what_is_documented(happens: Callable[[], None]):
    happens()

    recorded = list(Event.objects.order_by("id"))
    schemas = {kind.type: closed(payload_schema(kind)) for kind in event_classes()}
    wrong = [
        (event.type, error.json_path, error.message)
        for event in recorded
        for error in Draft202012Validator(schemas[event.type], format_checker=Draft202012Validator.FORMAT_CHECKER)
        .iter_errors(event.data)
    ]  # fmt: skip
    assert wrong == []
    assert len(recorded) > 0


@pytest.mark.django_db
def test_every_type_was_tried():
    everything_happens()
    stock_is_reserved()
    a_pms_reports()
    a_pms_is_unreachable()
    a_pms_is_synced()
    stock_travels_and_is_counted()
    a_file_is_imported()
    an_endpoint_fails()

    assert set(Event.objects.values_list("type", flat=True)) == set(TYPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd(DomainEvent):
    """An event with a value that JSON cannot represent."""

    type: ClassVar[str] = "odd.happened"
    members: set[int]


def test_an_event_that_json_cannot_represent_is_refused():
    with pytest.raises(TypeError, match="JSON has no"):
        payload_schema(Odd)
    assert "odd.happened" not in TYPES
