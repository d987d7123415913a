"""A product's page that is older than the product overwrites nothing, and keeps what was entered."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from products import services
from products.models import Product, Variant
from tests.factories import make_product
from tests.products.admin_pages import page, rows_of, send
from tests.products.pictures import file_of, picture
from tests.products.recorded import recorded
from tests.staff import superuser

pytestmark = pytest.mark.django_db

CONFLICT = (
    "The product was changed meanwhile, so that nothing was saved. What you entered is still here: "
    "open the page again in another tab, and enter it there."
)


@pytest.fixture
def lamp() -> Product:
    return make_product("A-1", price="10.00")


def test_what_others_wrote_meanwhile_is_not_overwritten(lamp: Product):
    services.update_variant(variant_id=lamp.variants.get().pk, data={"price": Decimal("12.00")})
    before = recorded()

    response = send(superuser(), page(lamp), name="Desk lamp", rows_0_price="10.00", expected_version=1)

    form = response.context_data["adminform"].form
    assert (form.non_field_errors(), form["name"].value()) == ([CONFLICT], "Desk lamp")
    assert rows_of(response).forms[0]["price"].value() == "10.00"
    assert (Product.objects.get().name, Variant.objects.get().price) == ("Lamp", Decimal("12.00"))
    assert recorded() == before


def test_a_schedule_that_was_made_meanwhile_is_not_cancelled(lamp: Product):
    tomorrow = timezone.now() + timedelta(days=1)
    services.publish_product(product_id=lamp.pk, publish_at=tomorrow)

    response = send(superuser(), page(lamp), publish_at_0="", publish_at_1="", expected_version=1)

    assert response.context_data["adminform"].form.non_field_errors() == [CONFLICT]
    assert Product.objects.get().publish_at == tomorrow


def test_the_page_is_saved_on_top_of_its_own_pictures(lamp: Product):
    client = superuser()
    added = client.post(page(lamp, "pictures"), {"do": "add", "file": file_of(picture())}).json()

    response = send(client, page(lamp), name="Desk lamp", expected_version=added["versions"][1])

    assert (added["versions"], response.status_code) == ([1, 2], 302)
    assert Product.objects.get().name == "Desk lamp"


def test_a_page_without_changes_is_saved_however_old_it_is(lamp: Product):
    services.update_product(product_id=lamp.pk, data={"brand": "Acme"})

    assert send(superuser(), page(lamp), expected_version=1).status_code == 302
