"""The list of products shows the main picture of each."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from products import services
from products.models import ImageFile, Product
from tests.factories import make_product
from tests.products.pictures import make_image
from tests.staff import superuser

pytestmark = pytest.mark.django_db

LIST = "/admin/products/product/"


def shown() -> list[str]:
    """The files of the pictures in the list, in its order; an icon's name in place of one."""
    content = superuser().get(LIST).content.decode()
    return re.findall(r'class="thumbnail[^>]*?(?:src="/media/([^"]+)"|>)(?:image)?', content)


def test_the_first_picture_that_is_ready_is_shown_small_or_as_it_is():
    plain, pending = make_product("A-1"), make_product("B-1")
    services.add_image_url(product_id=pending.pk, url="https://a.example/a.png")
    second = make_image(pending, "blue")
    make_image(pending, "green")
    with_small = make_image(plain, "red", position=3).image_file
    assert with_small
    assert second.image_file
    ImageFile.objects.filter(pk=with_small.pk).update(thumbnail="thumbnails/a.webp")

    assert shown() == [second.image_file.file.name, "thumbnails/a.webp"]


def test_a_product_without_a_picture_has_an_icon_and_the_name_is_the_link():
    product = make_product("A-1")

    content = superuser().get(LIST).content.decode()

    assert '<span class="thumbnail material-symbols-outlined" aria-hidden="true">image</span>' in content
    assert re.search(rf'<a href="{LIST}{product.pk}/change/[^>]*>\s*Lamp', content)


def test_pictures_cost_no_statement_of_their_own():
    client = superuser()

    def queries_of_the_list() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(LIST)
        return len(queries)

    product = make_product("A-1")
    # The first request fills caches.
    queries_of_the_list()
    without = queries_of_the_list()
    make_image(product)
    make_image(make_product("B-1"), "blue")

    assert queries_of_the_list() == without <= 12
    assert Product.objects.count() == 2
