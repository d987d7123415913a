"""`/api/v1/inventory/locations/`: a code is one location's."""

import pytest

from inventory.models import Location
from tests.conftest import JSONClient
from tests.factories import make_location
from tests.products.recorded import recorded

LOCATIONS = "/api/v1/inventory/locations/"

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("method", ["post", "patch"])
def test_a_code_that_is_taken_is_409(api: JSONClient, method: str):
    make_location("main")
    make_location("west")
    before = recorded()
    address = LOCATIONS if method == "post" else f"{LOCATIONS}west/"

    response = getattr(api, method)(address, {"code": "main", "name": "Other"})

    errors = [(one["pointer"], one["code"]) for one in response.json()["errors"]]
    assert (response.status_code, response.json()["code"], errors) == (409, "code_taken", [("/code", "code_taken")])
    assert sorted(Location.objects.values_list("code", flat=True)) == ["main", "west"]
    assert recorded() == before


@pytest.mark.parametrize(("code", "error"), [("a b", "invalid"), ("", "blank"), ("x" * 65, "max_length")])
def test_an_invalid_code_is_422(api: JSONClient, code: str, error: str):
    response = api.post(LOCATIONS, {"code": code, "name": "Main"})

    assert [(one["pointer"], one["code"]) for one in response.json()["errors"]] == [("/code", error)]
