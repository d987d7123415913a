"""Who sees which changes of an import, page by page."""

import pytest

from pms_backend.access.models import INTERNAL_TIER
from tests.conftest import ClientWith, JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.pms_integration.files.importing import IMPORTS, changes, post, previewed, table

pytestmark = pytest.mark.django_db

READ, WRITE, STOCK = "products:read", "products:write", "inventory:read"


def line(handle: str, **more: str) -> dict[str, str]:
    return {"Handle": handle, "Title": "Lamp", "Variant Price": "10.00", **more}


def test_they_come_in_pages_and_by_action(api: JSONClient):
    make_product("lamp-0", handle="lamp-0")
    job = previewed(api, table(*(line(f"lamp-{number}") for number in range(5))))
    address = f"{IMPORTS}{job['id']}/changes/"

    first = api.get(address, {"page_size": 2}).json()
    second = api.get(first["next"]).json()

    assert [one["line"] for page in (first, second) for one in page["results"]] == [2, 3, 4, 5]
    assert first["previous"] is None
    assert [one["handle"] for one in changes(api, job, action="none")] == ["lamp-0"]
    assert len(changes(api, job, action="create")) == 4
    assert api.get(address, {"action": "delete"}).json()["code"] == "validation_failed"


def test_costs_and_quantities_are_for_those_who_see_them(client_with: ClientWith, api: JSONClient):
    make_location()
    make_product("LAMP", handle="lamp", cost="3.00")
    set_stock("LAMP", "main", 1)
    cells = {"Variant SKU": "LAMP", "Cost per item": "4.00", "Variant Inventory Qty": "5", "Vendor": "Alder"}
    job = previewed(api, table(line("lamp", **cells)))

    def seen(*scopes: str) -> tuple[list[str], int]:
        [result] = changes(client_with(scopes, tier=INTERNAL_TIER), job)
        return [one["field"].rpartition(".")[2] for one in result["changes"]], result["change_count"]

    assert seen(READ) == (["brand"], 1)
    assert seen(READ, STOCK) == (["brand", "on_hand"], 2)
    assert seen(READ, WRITE) == (["brand", "cost"], 2)
    assert seen(READ, WRITE, STOCK) == (["brand", "cost", "on_hand"], 3)


def test_those_of_another_clients_import_are_404(client_with: ClientWith, api: JSONClient):
    owner, other, storefront = (
        client_with([READ, WRITE], **more) for more in ({}, {}, {"tier": "storefront"})
    )  # fmt: skip
    address = f"{IMPORTS}{previewed(owner, table(line('lamp')))['id']}/changes/"

    assert [client.get(address).status_code for client in (owner, api, other, storefront)] == [200, 200, 404, 403]
    assert api.get(f"{IMPORTS}1000000/changes/").status_code == 404


def test_dry_run_is_true_or_false_in_the_form(api: JSONClient):
    content = table(line("lamp"))

    words = {word: post(api, content, dry_run=word).json()["dry_run"] for word in ("true", "True", "false")}
    answer = post(api, content, dry_run="perhaps")

    assert words == {"true": True, "True": True, "false": False}
    assert post(api, content).json()["dry_run"] is False
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/dry_run")
