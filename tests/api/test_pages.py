"""Pages by cursor."""

from base64 import b64encode

import pytest

from pms_backend.api.pagination import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from tests.conftest import JSONClient
from tests.factories import make_location

LOCATIONS = "/api/v1/inventory/locations/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def codes() -> list[str]:
    """Of five locations, newest first."""
    return [make_location(f"l{number}").code for number in range(5)][::-1]


def shown(response) -> list[str]:
    assert response.status_code == 200, response.content
    return [location["code"] for location in response.json()["results"]]


def test_a_page_links_to_its_neighbours(api: JSONClient, codes: list[str]):
    first = api.get(LOCATIONS, {"page_size": 2})
    second = api.get(first.json()["next"])
    third = api.get(second.json()["next"])

    assert [shown(first), shown(second), shown(third)] == [codes[:2], codes[2:4], codes[4:]]
    assert first.json()["previous"] is None
    assert third.json()["next"] is None
    assert shown(api.get(second.json()["previous"])) == codes[:2]


def test_no_row_is_skipped_while_others_are_written(api: JSONClient, codes: list[str]):
    first = api.get(LOCATIONS, {"page_size": 2})
    make_location("new")

    assert shown(api.get(first.json()["next"])) == codes[2:4]


def test_a_page_has_the_requested_size_up_to_a_limit(api: JSONClient, codes: list[str], monkeypatch):
    assert (DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE) == (50, 200)
    monkeypatch.setattr("pms_backend.api.pagination.CursorPagination.max_page_size", 3)

    assert shown(api.get(LOCATIONS, {"page_size": 1000})) == codes[:3]
    assert shown(api.get(LOCATIONS, {"page_size": "9" * 1000})) == codes[:3]


NO_SIZES = ["0", "00", "-1", "many", "", " 2", "+2", "1_0", "２", "2.0", "1e1"]


@pytest.mark.parametrize("size", NO_SIZES)
@pytest.mark.parametrize("path", [LOCATIONS, "/api/v1/products/"])
def test_an_invalid_size_is_400(api: JSONClient, codes: list[str], path: str, size: str):
    response = api.get(path, {"page_size": size})

    assert (response.status_code, response.json()["code"]) == (400, "malformed")
    assert response.json()["detail"] == "`page_size` is a whole number from 1 on."


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "%00",
        "ä",
        b64encode(b"p=one").decode(),
        b64encode(b"o=many").decode(),
        b64encode(b"r=perhaps&p=1").decode(),
        b64encode(b"p=\x00").decode(),
    ],
)
def test_an_invalid_cursor_is_400(api: JSONClient, codes: list[str], cursor: str):
    response = api.get(LOCATIONS, {"cursor": cursor})

    assert (response.status_code, response.json()["code"]) == (400, "malformed")
    assert response.json()["detail"] == "The cursor is not one that a page of ours gave."


def test_a_cursor_beyond_every_row_is_an_empty_page(api: JSONClient, codes: list[str]):
    beyond = b64encode(b"p=-" + b"9" * 40).decode()

    assert shown(api.get(LOCATIONS, {"cursor": beyond})) == []
