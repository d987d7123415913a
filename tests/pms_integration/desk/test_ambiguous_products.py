"""An ambiguous product shows why it is one, and the products of ours that it may be, of which staff choose one."""

from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from pms_backend.access.models import AuditEntry
from pms_integration.admin import product_candidates
from pms_integration.admin.product_candidates import candidates_of, link_address
from pms_integration.models import PMSConnection, PMSProduct
from products.models import Product
from tests.factories import make_connection, make_product
from tests.pms_integration.desk.deciding import ambiguous
from tests.pms_integration.reports import apply, product
from tests.pms_integration.simulator.calling import SimulatorHere
from tests.staff import said, staff_with, superuser

pytestmark = pytest.mark.django_db(transaction=True)

SENT = {"csrfmiddlewaretoken": "x"}


def page(row: PMSProduct, name: str = "change") -> str:
    return reverse(f"admin:pms_integration_pmsproduct_{name}", args=[row.pk])


def reported(pms: PMSConnection, **barcodes: str) -> PMSProduct:
    """A product of the PMS with a variant for each SKU, which cannot be matched."""
    variants = [
        {"sku": sku, "barcode": barcode, "price": "5.00", "options": {"Size": sku}} for sku, barcode in barcodes.items()
    ]
    apply(pms, "product.created", product("p-1", 1, variants=variants))
    row = PMSProduct.objects.get(external_id="p-1")
    assert row.match_problem
    return row


def choose(client: Client, row: PMSProduct, text: str) -> Any:
    return client.post(page(row, "link"), {"product": text})


def test_the_page_says_why_and_a_candidate_is_linked_after_a_look(pms: PMSConnection, simulator: SimulatorHere):
    (row, first, second), client = ambiguous(pms, simulator), superuser()

    shown = client.get(page(row))
    assert "The SKUs B-1, B-2 belong to several products. Nothing is changed" in shown.content.decode()
    assert [one.product for one in candidates_of(row)] == [first, second]
    assert [(skus, barcodes) for _, skus, barcodes, *_ in shown.context["candidates"].rows] == [
        ("B-1", None),
        ("B-2", None),
    ]
    assert link_address(row, first.pk) in shown.content.decode()
    asked = client.get(link_address(row, first.pk))
    assert [tuple(cells) for cells in asked.context["tables"][0].rows][::2] == [
        ("Name", "Chair", "First chair"),
        ("SKUs", "B-1, B-2", "B-1"),
    ]
    row.refresh_from_db()
    assert row.product is None


def test_what_cannot_be_linked_says_why(pms: PMSConnection, simulator: SimulatorHere):
    (row, first, _), client = ambiguous(pms, simulator), superuser()

    refused = client.post(link_address(row, first.pk), SENT)

    # The PMS's product has the SKU B-2, which is another product's here.
    assert refused.context["form"].non_field_errors() == ["These SKUs belong to different products."]
    note = client.get(page(row)).context["candidates"].note
    assert note == "Where the PMS's values hold, one product cannot get SKUs of another: correct them first."
    row.refresh_from_db()
    assert (row.product, bool(row.match_problem)) == (None, True)
    assert not AuditEntry.objects.filter(action="pms_product.linked").exists()


def test_of_a_barcode_that_several_have_staff_choose_the_product():
    pms, client = make_connection(), superuser()
    lamp, desk = make_product("A-1", name="Lamp", barcode="b-1"), make_product("A-2", name="Desk", barcode="b-1")
    row = reported(pms, NEW="b-1")

    rows = client.get(page(row)).context["candidates"].rows
    assert [(skus, barcodes) for _, skus, barcodes, *_ in rows] == [(None, "b-1"), (None, "b-1")]
    linked = client.post(link_address(row, desk.pk), SENT, follow=True)

    row.refresh_from_db()
    assert linked.redirect_chain == [(page(row), 302)]
    assert said(linked) == ["p-1 of Demo is our product Desk now."]
    assert (row.product, row.match_problem) == (desk, "")
    assert linked.context["candidates"] is None
    assert AuditEntry.objects.get(action="pms_product.linked").actor == "user:anna"
    assert Product.objects.get(pk=lamp.pk).name == "Lamp"


def test_a_candidate_that_is_linked_already_has_no_button():
    pms, client = make_connection(), superuser()
    apply(pms, "product.created", product("p-0", 1, sku="A-1"))
    row = reported(pms, **{"A-1": ""})

    [candidate] = client.get(page(row)).context["candidates"].rows

    assert candidate[-1] == "linked to p-0"


@pytest.mark.parametrize("text", [" a-2 ", "{id}"])
def test_another_product_is_chosen_by_a_sku_or_its_id(text: str):
    pms, client = make_connection(), superuser()
    make_product("A-1", barcode="b-1")
    make_product("X-1", barcode="b-1")
    other = make_product("A-2", name="Other")
    row = reported(pms, NEW="b-1")

    found = choose(client, row, text.format(id=other.pk))

    assert (found.status_code, found.headers["Location"]) == (302, link_address(row, other.pk))


def test_a_number_that_is_a_sku_is_not_taken_for_an_id():
    pms, client = make_connection(), superuser()
    first = make_product("A-1", barcode="b-1")
    numbered = make_product(str(first.pk), barcode="b-1")
    row = reported(pms, NEW="b-1")

    assert choose(client, row, str(first.pk)).headers["Location"] == link_address(row, numbered.pk)


@pytest.mark.parametrize("text", ["", "no-such", "999999", "9" * 40, "٣"])
def test_what_is_no_product_is_refused_at_the_field(text: str):
    pms, client = make_connection(), superuser()
    make_product("A-1", barcode="b-1")
    make_product("A-2", barcode="b-1")
    row = reported(pms, NEW="b-1")

    refused = choose(client, row, text)

    assert list(refused.context["form"].errors) == ["product"]
    assert client.get(f"{page(row, 'link')}?product={text}").status_code == 200


def test_a_product_that_the_pms_does_not_have_yet_is_not_linked():
    client = superuser()
    row = PMSProduct.objects.create(connection=make_connection(), product=make_product("A-1"))

    assert client.get(page(row)).context["actions_detail"] == []
    assert client.post(link_address(row, make_product("A-2").pk), SENT).status_code == 200
    row.refresh_from_db()
    assert row.product == Product.objects.get(variants__sku="A-1")


def test_who_may_only_look_links_nothing():
    pms, client = make_connection(), staff_with("pms_integration.view_pmsproduct")
    lamp = make_product("A-1", barcode="b-1")
    make_product("A-2", barcode="b-1")
    row = reported(pms, NEW="b-1")

    shown = client.get(page(row)).content.decode()
    refused = client.post(link_address(row, lamp.pk), SENT)

    row.refresh_from_db()
    assert (row.match_problem in shown, link_address(row, lamp.pk) in shown) == (True, False)
    assert (refused.status_code, row.product) == (403, None)


def test_the_page_costs_the_same_for_any_number_of_candidates(monkeypatch: pytest.MonkeyPatch):
    pms, client = make_connection(), superuser()
    for number in range(2):
        make_product(f"A-{number}", barcode="none")
    row = reported(pms, NEW="none")

    def cost() -> int:
        with CaptureQueriesContext(database) as captured:
            client.get(page(row))
        return len(captured)

    cost()
    few = cost()
    for number in range(2, 9):
        make_product(f"A-{number}", barcode="none")
    assert cost() == few
    monkeypatch.setattr(product_candidates, "MAX_CANDIDATES", 5)
    table = client.get(page(row)).context["candidates"]
    assert (len(table.rows), table.note) == (5, "And 4 more.")
    monkeypatch.setattr(product_candidates, "MAX_VARIANTS", 6)
    assert len(candidates_of(row)) == 6
