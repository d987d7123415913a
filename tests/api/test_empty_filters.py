"""An empty filter finds nothing, in every list."""

from typing import Any

import pytest
from django.urls import resolve

from pms_backend.access.services import create_api_client
from tests.conftest import JSONClient
from tests.factories import make_connection, make_location, make_product, set_stock, store_webhook
from tests.inventory.reserving import reserve

pytestmark = pytest.mark.django_db

LISTS = [
    "products/",
    "products/variants/",
    "products/categories/",
    "inventory/levels/",
    "inventory/movements/",
    "inventory/alerts/",
    "inventory/reservations/",
    "inventory/transfers/",
    "inventory/stocktakes/",
    "pms/events/",
    "access/clients/",
    "access/audit/",
]


@pytest.fixture
def _one_of_each(api: JSONClient) -> None:
    make_location("main")
    make_location("shop")
    make_product("A-1")
    set_stock("A-1", "main", 10)
    reserve(("A-1", 1))
    line = {"sku": "A-1", "quantity": 1}
    made = [
        api.post("/api/v1/products/categories/", {"name": "Home"}),
        api.patch("/api/v1/inventory/levels/A-1/main/", {"reorder_point": 100}),
        api.post("/api/v1/inventory/transfers/", {"from": "main", "to": "shop", "lines": [line]}),
        api.post("/api/v1/inventory/stocktakes/", {"location": "main"}),
    ]
    assert [answer.status_code for answer in made] == [201, 200, 201, 201]
    store_webhook(connection=make_connection("demo"), webhook_id="m-1", type="x", body=b"{}")
    create_api_client(name="another", scopes=["products:read"])


def filters_of(path: str) -> dict[str, Any]:
    view: Any = resolve(f"/api/v1/{path}").func
    filters: dict[str, Any] = view.cls.filterset_class.get_filters()
    return filters


@pytest.mark.usefixtures("_one_of_each")
@pytest.mark.parametrize("path", LISTS)
def test_an_empty_filter_finds_nothing(api: JSONClient, path: str):
    assert api.get(f"/api/v1/{path}").json()["results"] != []

    for name, one in filters_of(path).items():
        for empty in ("", " ", "\u00a0"):
            response = api.get(f"/api/v1/{path}", {name: empty})
            if getattr(one, "selects_rows", True) and response.status_code == 200:
                assert response.json() == {"next": None, "previous": None, "results": []}, (name, empty)
            elif empty == "":
                assert response.json()["results"] != [], (name, response.content)


@pytest.mark.usefixtures("_one_of_each")
@pytest.mark.parametrize(
    "query",
    ["sku=", "search=", "category=", "sku=A-1&brand=", "brand=&sku=A-1", "sku=A-1&sku=", "in_stock=", "status="],
)
def test_an_empty_filter_finds_nothing_with_other_parameters(api: JSONClient, query: str):
    response = api.get(f"/api/v1/products/?{query}")

    assert (response.status_code, response.json()["results"]) == (200, [])


@pytest.mark.usefixtures("_one_of_each")
@pytest.mark.parametrize("query", ["ordering=", "fields=", "ordering=&fields=&sku=A-1"])
def test_a_parameter_that_selects_no_rows_may_be_empty(api: JSONClient, query: str):
    assert len(api.get(f"/api/v1/products/?{query}").json()["results"]) == 1


@pytest.mark.usefixtures("_one_of_each")
def test_an_invalid_value_is_refused_beside_an_empty_one(api: JSONClient):
    assert api.get("/api/v1/products/?sku=&updated_after=soon").status_code == 422
    assert api.get("/api/v1/products/?sku=&colour=").status_code == 422


@pytest.mark.parametrize("number", ["1_0", "٥", " 5", "+5", "5.0", "many", "1" * 41])
def test_an_id_is_ascii_digits(api: JSONClient, number: str):
    response = api.get("/api/v1/products/variants/", {"product": number})

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/product")


def test_an_id_that_no_row_can_have_finds_nothing(api: JSONClient):
    make_product("A-1")

    assert api.get("/api/v1/products/variants/", {"product": "9" * 30}).json()["results"] == []


@pytest.mark.parametrize(("truth", "status"), [("true", 200), ("False", 200), ("1", 200), ("0", 200), ("yes", 422),
                                               ("on", 422), (" true", 422), ("2", 422), ("1.0", 422)])  # fmt: skip
def test_a_boolean_filter_accepts_four_words(api: JSONClient, truth: str, status: int):
    assert api.get("/api/v1/products/", {"in_stock": truth}).status_code == status


@pytest.mark.parametrize("parameter", ["types", "subject"])
@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_filter_of_the_feed_finds_nothing(api: JSONClient, parameter: str, empty: str):
    make_product("A-1")

    response = api.get("/api/v1/events/", {parameter: empty})

    assert (response.status_code, response.json()["results"]) == (200, [])
