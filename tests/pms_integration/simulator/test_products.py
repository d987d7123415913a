"""The catalogue of the contract: lists, tombstones, writes that happen once and only from the version they name."""

import json
import socket

import httpx
import pytest

from tests.pms_integration.simulator.calling import SimulatorHere, product


def test_a_token_is_required(pms: SimulatorHere):
    assert pms.get("/") == {"name": "Simulated PMS"}

    for headers in ({"Authorization": "Bearer wrong"}, {"Authorization": "Basic token-of-the-pms"}):
        assert pms.http.get("/", headers=headers).status_code == 401
    assert httpx.get(f"{pms.running.url}/products", trust_env=False).status_code == 401


def test_a_product_is_created_and_shown_as_it_was_sent(pms: SimulatorHere):
    unknown = {"shelf_note": "Left", "serial": 12345678901234567890123}
    sent = product(**unknown, variants=[{"sku": "Ä/1", "x": [1]}])

    made = pms.create(sent)

    assert made == {"id": made["id"], "version": 1, "updated_at": made["updated_at"], **sent}
    assert pms.get(f"/products/{made['id']}") == made
    assert pms.get("/products") == {"products": [made], "next": None}


def test_a_repeated_key_creates_nothing_and_answers_the_product_as_it_is_now(pms: SimulatorHere):
    made = pms.create(product(), key="once")
    edited = pms.control(f"products/{made['id']}", {"name": "Edited"}, method="PATCH")

    assert pms.create(product("B-1"), key="once") == edited
    assert pms.every("/products") == [edited]
    assert pms.counters()["products.repeated"] == 1


def test_a_refused_request_does_not_use_up_its_key(pms: SimulatorHere):
    pms.create({"name": "Without variants"}, key="again", status=422)
    pms.create(product(), key="first")
    pms.create(product(), key="again", status=409)

    assert pms.create(product("B-1"), key="again")["variants"][0]["sku"] == "B-1"


def test_a_key_is_required_and_belongs_to_one_request(pms: SimulatorHere):
    made = pms.create(product(), key="mine")

    assert pms.http.post("/products", json=product("B-1")).status_code == 400
    refused = pms.replace(made["id"], product(), version=1, key="mine", status=422)
    assert refused["code"] == "idempotency_key_reused"


def test_a_replacement_needs_the_present_version(pms: SimulatorHere):
    made = pms.create(product(shelf_note="Left", brand="B"))

    replaced = pms.replace(made["id"], product(brand="C"), version=1, key="k1")
    refused = pms.replace(made["id"], product(brand="D"), version=1, key="k2", status=412)

    assert (replaced["version"], replaced["brand"]) == (2, "C")
    assert "shelf_note" not in replaced  # a member that the writer does not send back is gone
    assert refused["version"] == 2
    assert pms.get(f"/products/{made['id']}") == replaced
    assert pms.replace(made["id"], product(brand="D"), version=2, key="k2")["brand"] == "D"


def test_a_repeated_replacement_changes_nothing(pms: SimulatorHere):
    made = pms.create(product())
    pms.replace(made["id"], product(brand="C"), version=1, key="k1")
    later = pms.control(f"products/{made['id']}", {"brand": "D"}, method="PATCH")

    assert pms.replace(made["id"], product(brand="C"), version=1, key="k1") == later
    assert later["version"] == 3


def test_a_replacement_without_a_version_is_refused(pms: SimulatorHere):
    made = pms.create(product())

    for headers in ({}, {"If-Match": "1"}, {"If-Match": 'W/"1"'}, {"If-Match": "*"}):
        sent = {"Idempotency-Key": "k", **headers}
        response = pms.http.put(f"/products/{made['id']}", json=product(), headers=sent)
        assert response.status_code == (412 if headers else 428)
    assert pms.get(f"/products/{made['id']}") == made


def test_a_deleted_product_leaves_a_tombstone_for_thirty_days(pms: SimulatorHere):
    made, other = pms.create(product(), key="k1"), pms.create(product("B-1"), key="k2")
    tombstone = {"id": made["id"], "version": 2, "deleted": True}

    assert pms.control(f"products/{made['id']}", method="DELETE") == tombstone

    assert pms.get("/products")["products"] == [tombstone, other]
    assert pms.get(f"/products/{made['id']}", status=404)["code"] == "not_found"
    pms.replace(made["id"], product(), version=2, key="k3", status=404)
    assert pms.create(product(), key="k1") == tombstone
    pms.control("clock", {"skew_seconds": 30 * 86_400 - 60})
    assert tombstone in pms.get("/products")["products"]
    pms.control("clock", {"skew_seconds": 30 * 86_400 + 60})
    assert pms.get("/products")["products"] == [other]


def test_the_sku_of_a_deleted_product_is_free_again(pms: SimulatorHere):
    made = pms.create(product(), key="k1")
    pms.create(product(), key="k2", status=409)

    pms.control(f"products/{made['id']}", method="DELETE")

    assert pms.create(product(), key="k2")["version"] == 1


def test_changes_are_listed_from_a_moment_on_inclusive(pms: SimulatorHere):
    first = pms.create(product(), key="k1")
    second = pms.create(product("B-1"), key="k2")

    assert pms.every("/products", updated_since=second["updated_at"]) == [second]
    assert pms.every("/products", updated_since=first["updated_at"]) == [first, second]
    assert pms.every("/products", updated_since="2999-01-01T00:00:00+02:00") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": "2026-01-01T00:00:00Z"},
        {"limit": 201},
        {"limit": ""},
        {"cursor": "x"},
        {"updated_since": "2026-01-01T00:00:00"},
        {"updated_since": ""},
    ],
)
def test_wrong_parameters_are_refused(pms: SimulatorHere, wrong):
    assert pms.get("/products", status=400, **wrong)["code"] == "invalid_query"


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"status": "sold"}, "/status"),
        ({"variants": []}, "/variants"),
        ({"variants": [{"sku": "A"}, {"sku": "A"}]}, "/variants"),
        ({"variants": [{"sku": "A", "price": 5}]}, "/variants/0/price"),
        ({"images": [{"alt": "x"}]}, "/images/0/url"),
    ],
)
def test_an_invalid_product_is_refused(pms: SimulatorHere, wrong, pointer):
    assert pms.create(product(**wrong), status=422)["pointer"] == pointer
    assert pms.every("/products") == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"name": NaN}', b'{"a": 1e999}', b'{"a": "\\ud800"}', b"\xff", b"[" * 9_000]
)
def test_what_is_no_json_object_is_refused(pms: SimulatorHere, body):
    assert pms.http.post("/products", content=body, headers={"Idempotency-Key": "k"}).status_code == 400


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Content-Length: 9999999999", 413),
        ("Content-Length: -1", 400),
        (f"Content-Length: {'9' * 5000}", 400),
        ("Transfer-Encoding: chunked", 411),
    ],
)
def test_what_is_no_usable_http_gets_json_too(pms: SimulatorHere, head, status):
    with socket.create_connection(("127.0.0.1", pms.http.base_url.port), timeout=30) as connection:
        connection.sendall(f"POST /products HTTP/1.1\r\n{head}\r\n\r\n".encode())
        answer = connection.makefile("rb").read().decode()

    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "\r\nDate: " in head
    assert json.loads(body)["code"]


def test_what_is_not_in_the_contract_is_refused(pms: SimulatorHere):
    assert pms.get("/orders", status=404)["code"] == "not_found"
    response = pms.http.delete("/stock")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET")
