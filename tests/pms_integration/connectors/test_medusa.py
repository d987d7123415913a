"""A connector for Medusa, by the recipe: its events carry only ids, so that all has to be asked for."""

import pytest

from pms_integration.connectors.contract import DeletionReport, RefetchReport, Resource
from pms_integration.exceptions import SignatureInvalid
from pms_integration.models import PMSConnection, PMSEvent
from tests.pms_integration.connectors.medusa import MedusaConnector
from tests.pms_integration.connectors.sending import connect, deliver, payload, post
from tests.pms_integration.connectors.sending import sign_as_standard_webhooks as sign

PRODUCT = "prod_01HX9ZK7Q2W8B5V6N4M3C1A0ZD"
LEVEL = "ilev_01HX9ZM1E6R5T4Y3U2I1O0P9A8"
SECRET, OTHER = "whsec_" + "QUJD" * 8, "whsec_" + "REVG" * 8


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, db: None) -> PMSConnection:
    return connect(monkeypatch, "medusa", MedusaConnector())


@pytest.mark.parametrize("name", ["product_created", "product_deleted", "inventory_level_updated"])
def test_a_webhook_verifies_by_its_signature_only(name: str) -> None:
    connector, message = MedusaConnector(), sign(payload(f"medusa_{name}"), SECRET)
    forged = message.having(type="product.updated")

    assert connector.handshake(message.headers, message.body) is None
    assert connector.verify(message.headers, message.body, [OTHER, SECRET]) == f"msg_medusa_{name}"
    for headers, body, secret in (
        (forged.headers, forged.body, SECRET),
        (message.headers, message.body, OTHER),
        (payload(f"medusa_{name}").headers, message.body, SECRET),
    ):
        with pytest.raises(SignatureInvalid):
            connector.verify(headers, body, [secret])


@pytest.mark.parametrize(
    ("name", "reports"),
    [
        ("product_created", [RefetchReport(resource=Resource.PRODUCT, external_id=PRODUCT)]),
        ("product_deleted", [DeletionReport(external_id=PRODUCT, payload={"id": PRODUCT})]),
        (
            "product_variant_updated",
            [RefetchReport(resource=Resource.PRODUCT, external_id="variant_01HX9ZK7Q8J3D2F1G0H9K7L6P5")],
        ),
        ("inventory_level_updated", [RefetchReport(resource=Resource.STOCK, external_id=LEVEL)]),
        ("inventory_level_updated_second_name", [RefetchReport(resource=Resource.STOCK, external_id=LEVEL)]),
        ("order_placed", None),
    ],
)
def test_each_event_is_a_report_that_names_the_resource(name: str, reports: list[RefetchReport] | None) -> None:
    message = payload(f"medusa_{name}")

    assert MedusaConnector().parse(message.headers, message.content) == reports


def test_what_has_to_be_asked_for_is_stored_once(shop: PMSConnection) -> None:
    names = ["product_created", "inventory_level_updated", "inventory_level_updated_second_name"]
    events = [deliver(shop, payload(f"medusa_{name}"), sign) for name in names]

    assert [(event.status, event.reason) for event in events] == [
        ("processed", f"The product {PRODUCT} has to be asked for."),
        ("processed", f"The stock {LEVEL} has to be asked for."),
        ("processed", f"The stock {LEVEL} has to be asked for."),
    ]
    asked_for = shop.refetches.order_by("resource").values_list("resource", "external_id")
    assert list(asked_for) == [("product", PRODUCT), ("stock", LEVEL)]


def test_both_names_in_one_batch_are_one_request(shop: PMSConnection) -> None:
    post(shop, sign(payload("medusa_inventory_level_updated"), shop.secret))

    deliver(shop, payload("medusa_inventory_level_updated_second_name"), sign)

    assert set(PMSEvent.objects.values_list("status", flat=True)) == {"processed"}
    assert list(shop.refetches.values_list("resource", "external_id")) == [("stock", LEVEL)]


def test_other_events_are_ignored(shop: PMSConnection) -> None:
    event = deliver(shop, payload("medusa_order_placed"), sign)

    assert (event.status, event.reason) == ("ignored", "unknown_type")
    assert not shop.refetches.exists()


def test_an_event_without_an_id_is_unusable(shop: PMSConnection) -> None:
    event = deliver(shop, payload("medusa_product_created").having(data={}), sign)

    assert event.status == "dead"
    assert event.reason == "data is not valid. /id: This field may not be blank."
