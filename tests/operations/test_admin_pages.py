"""A page of an admin's list is found by its keys, in one statement, and has the order of the list."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory.models import Location
from tests.factories import make_location, make_product, set_stock
from tests.staff import superuser

pytestmark = pytest.mark.django_db

LIST = "/admin/inventory/location/"
ROWS_OF_A_PAGE = 50


def test_the_pages_of_a_list_have_each_row_once_in_its_order() -> None:
    client = superuser()
    Location.objects.bulk_create(Location(code=f"L{number % 7}-{number}", name="Shelf") for number in range(120))
    make_product("A-1")
    set_stock("A-1", make_location("zz"), 5)

    with CaptureQueriesContext(connection) as statements:
        pages = [client.get(LIST, {"o": "-1", "p": number}).context["cl"].result_list for number in (1, 2, 3)]
        codes = [row.code for page in pages for row in page]

    assert codes == list(Location.objects.order_by("-code").values_list("code", flat=True))
    assert [len(page) for page in pages] == [ROWS_OF_A_PAGE, ROWS_OF_A_PAGE, 21]
    assert {row.code: row.units_on_hand for row in pages[0] if row.units_on_hand} == {"zz": 5}
    of_rows = [query["sql"] for query in statements if "OFFSET" in query["sql"]]
    assert len(of_rows) == 2
    keys = of_rows[0][of_rows[0].index(" IN (SELECT") :]
    assert "SUM(" not in keys[: keys.index("ORDER BY")]
