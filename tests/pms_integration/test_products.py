"""Products that the PMS reports: versions, tombstones, conflicts, drafts."""

import pytest

from pms_backend.events.models import Event
from pms_integration.models import PMSConnection
from products.models import Product
from products.services import plans
from tests.factories import make_connection, make_product
from tests.pms_integration.reports import apply, product

pytestmark = pytest.mark.django_db


@pytest.fixture
def pms() -> PMSConnection:
    return make_connection()


def types() -> list[str]:
    return list(Event.objects.order_by("id").values_list("type", flat=True))


def test_published_and_unpublished_set_the_status(pms: PMSConnection) -> None:
    apply(pms, "product.created", product("7", 1, status="draft"))
    apply(pms, "product.published", product("7", 2, status="draft"))
    assert Product.objects.get().status == "active"

    apply(pms, "product.unpublished", product("7", 3, status="active"))
    assert Product.objects.get().status == "draft"
    assert types() == ["product.created", "product.published", "product.unpublished"]


def test_a_deleted_product_is_archived_and_its_row_stays_to_refuse_older_events(pms: PMSConnection) -> None:
    apply(pms, "product.created", product("7", 1))
    apply(pms, "product.deleted", {"id": "7", "version": 5})

    late = apply(pms, "product.updated", product("7", 4))

    assert late.reason == "stale"
    assert Product.objects.get().status == "archived"
    assert pms.products.get().is_deleted

    apply(pms, "product.updated", product("7", 6))
    assert Product.objects.get().status == "active"
    assert not pms.products.get().is_deleted


def test_a_deletion_that_overtakes_the_creation_wins(pms: PMSConnection) -> None:
    apply(pms, "product.deleted", {"id": "7", "version": 2})
    apply(pms, "product.created", product("7", 1))

    assert not Product.objects.exists()


def test_a_product_of_ours_that_has_the_skus_is_adopted(pms: PMSConnection) -> None:
    ours = make_product("a-1", name="Ours")

    apply(pms, "product.created", product("7", 1, sku="A-1", name="Theirs"))

    assert pms.products.get().product == ours
    assert Product.objects.get().name == "Theirs"


def test_a_sku_of_another_product_is_a_conflict_and_no_failure(pms: PMSConnection) -> None:
    apply(pms, "product.created", product("7", 1, sku="A-1"))

    event = apply(pms, "product.created", product("8", 1, sku="A-1", name="Other"))

    assert event.status == "processed"
    assert event.reason
    row = pms.products.with_state().get(external_id="8")
    assert (row.state, row.product) == ("conflict", None)
    conflict = Event.objects.get(type="pms.conflict")
    assert conflict.data["external_id"] == "8"
    assert [p.name for p in Product.objects.all()] == ["Lamp"]


def test_a_product_that_cannot_be_published_becomes_a_draft_with_the_reason(pms: PMSConnection) -> None:
    event = apply(pms, "product.created", product("7", 1, variants=[{"sku": "A-1"}]))

    assert Product.objects.get().status == "draft"
    assert event.status == "processed"
    assert "price" in event.reason
    assert pms.products.get().reason == event.reason


def test_an_unknown_category_is_left_out_and_the_product_is_written(pms: PMSConnection) -> None:
    event = apply(pms, "product.created", product("7", 1, category="lamps"))

    assert Product.objects.get().category is None
    assert "lamps" in event.reason


def test_an_echo_changes_nothing_and_still_advances_the_version(pms: PMSConnection) -> None:
    apply(pms, "product.created", product("7", 1))
    before = (Product.objects.get().version, types())

    event = apply(pms, "product.updated", product("7", 2))

    assert event.status == "processed"
    assert (Product.objects.get().version, types()) == before
    assert pms.products.get().version == 2


def test_versions_are_compared_within_one_connection(pms: PMSConnection) -> None:
    apply(pms, "product.created", product("7", 9))

    event = apply(make_connection("other"), "product.created", product("7", 1, sku="B-1"))

    assert event.status == "processed"
    assert Product.objects.count() == 2


def variants(**colours: str) -> list[dict]:
    return [{"sku": sku, "price": "1.00", "options": {"Colour": colour}} for sku, colour in colours.items()]


def current() -> dict[str, str]:
    found = Product.objects.get().variants.filter(is_archived=False)
    return {variant.sku: variant.options["Colour"] for variant in found}


def test_variants_that_do_not_fit_their_options_are_data_that_cannot_be_used(pms: PMSConnection) -> None:
    options = [{"name": "Colour", "values": ["Red"]}]

    event = apply(pms, "product.created", product("1", 1, options=options, variants=variants(A="Blue")))

    assert (event.status, Product.objects.exists()) == ("dead", False)
    assert "Colour" in event.reason


def test_options_that_are_left_out_grow_by_what_the_variants_bring(pms: PMSConnection) -> None:
    apply(pms, "product.created", product("1", 1, variants=variants(A="Red")))

    event = apply(pms, "product.updated", product("1", 2, variants=variants(B="Blue")))

    assert event.status == "processed"
    assert current() == {"A": "Red", "B": "Blue"}
    assert Product.objects.get().options == [{"name": "Colour", "values": ["Red", "Blue"]}]


def test_left_out_variants_that_do_not_fit_any_more_are_archived(pms: PMSConnection) -> None:
    """If they were stored, every later event of the product would be unusable."""
    apply(pms, "product.created", product("1", 1, variants=variants(A="Red", B="Blue", C="Green")))
    options = [{"name": "Colour", "values": ["Red", "Green"]}]

    event = apply(pms, "product.updated", product("1", 2, options=options, variants=variants(D="Red")))

    assert event.status == "processed"
    assert current() == {"D": "Red", "C": "Green"}


def test_text_of_the_pms_is_sanitised_like_that_of_the_api(pms: PMSConnection) -> None:
    raw = "<p onclick=x>Hi<script>alert(1)</script></p>"

    apply(pms, "product.created", product("7", 1, description=raw, handle="Desk Lamp"))
    apply(pms, "product.updated", product("7", 2, description=raw, handle="DESK.lamp"))

    assert list(Product.objects.values_list("description", "handle")) == [("<p>Hi</p>", "desk-lamp")]
    assert types().count("product.updated") == 0


def test_a_description_that_grows_too_long_is_data_that_cannot_be_used(
    pms: PMSConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "MAX_DESCRIPTION_LENGTH", 1_000)
    event = apply(pms, "product.created", product("7", 1, description="<b>" + "&" * 997))

    assert event.status == "dead"
    assert not Product.objects.exists()
