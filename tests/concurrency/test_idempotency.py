"""Many at one `Idempotency-Key`: one effect, one answer for all."""

import threading
from collections.abc import Callable
from functools import partial

import pytest

from inventory import services as inventory
from inventory.models import StockLevel, StockMovement
from pms_backend.access.models import INTERNAL_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.api.models import IdempotencyKey
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from products import services as products
from products.models import Product, Variant
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

THREADS = 8
PATIENCE_SECONDS = 20
ADJUSTMENTS = "/api/v1/inventory/adjustments/"
RECEIPT = {"sku": "A-1", "location": "main", "delta": 5, "reason": "receipt"}
SALE = {"sku": "A-1", "location": "main", "delta": -3, "reason": "sale"}
LAMPS = {"products": [{"name": f"Lamp {sku}", "variants": [{"sku": sku}]} for sku in ("N-1", "N-2")]}


@pytest.fixture
def send() -> Callable:
    """Posts as one client, by a connection of the thread's own."""
    key = create_api_client(name="tests", scopes=ALL_SCOPES, tier=INTERNAL_TIER).api_key
    make_location("main")
    make_product("A-1")

    def post(path: str, body: dict, idempotency_key: str | None = "k-1"):
        headers = {"X-Api-Key": key}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        return JSONClient().post(path, body, headers=headers)

    return post


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (ADJUSTMENTS, RECEIPT),
        ("/api/v1/inventory/counts/", {"sku": "A-1", "location": "main", "on_hand": 4}),
        ("/api/v1/inventory/adjustments/bulk/", {"adjustments": [RECEIPT]}),
        ("/api/v1/products/", {"name": "Mug", "variants": [{"sku": "M-1"}]}),
        ("/api/v1/products/bulk/", LAMPS),
    ],
)
def test_eight_duplicates_have_one_effect_and_one_answer(send: Callable, path: str, body: dict) -> None:
    before = Event.objects.count()

    answers = at_once([partial(send, path, body)] * THREADS)

    assert {answer.status_code for answer in answers} <= {200, 201}, answers
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer for answer in answers) == THREADS - 1
    assert Event.objects.count() - before == (2 if body is LAMPS else 1)
    assert StockMovement.objects.count() == (1 if "inventory" in path else 0)
    assert find_mismatches() == []


def test_without_the_key_each_of_them_takes_effect(send: Callable) -> None:
    """What the test above would see without the guard."""
    at_once([partial(send, ADJUSTMENTS, RECEIPT, None)] * THREADS)

    assert StockLevel.objects.get().on_hand == 5 * THREADS


class Slow:
    """A service that has written and waits for a word before it ends."""

    def __init__(self, service: Callable) -> None:
        self.service = service
        self.has_begun, self.may_end = threading.Event(), threading.Event()
        self.failures: list[Exception] = []

    def __call__(self, **arguments: object):
        done = self.service(**arguments)
        if not self.has_begun.is_set():
            self.has_begun.set()
            assert self.may_end.wait(PATIENCE_SECONDS)
            if self.failures:
                raise self.failures.pop()
        return done

    def then(self, job: Callable) -> Callable:
        """`job`, begun when the first is under way."""

        def run():
            assert self.has_begun.wait(PATIENCE_SECONDS)
            return job()

        return run


@pytest.fixture
def slow(monkeypatch) -> Slow:
    service = Slow(inventory.adjust_stock)
    monkeypatch.setattr(inventory, "adjust_stock", service)
    return service


def test_a_duplicate_of_one_that_takes_too_long_is_409(send: Callable, slow: Slow, monkeypatch) -> None:
    monkeypatch.setattr("pms_backend.api.services.WAIT_SECONDS", 0.2)

    def duplicate():
        answer = send(ADJUSTMENTS, RECEIPT)
        slow.may_end.set()
        return answer

    first, second = at_once([partial(send, ADJUSTMENTS, RECEIPT), slow.then(duplicate)])

    assert (second.status_code, second.json()["code"]) == (409, "idempotency_in_progress")
    assert second["Content-Type"] == "application/problem+json"
    assert first.status_code == 201
    third = send(ADJUSTMENTS, RECEIPT)
    assert (third.content, third["Idempotency-Replayed"]) == (first.content, "true")
    assert StockMovement.objects.count() == 1


def test_a_duplicate_waits_for_the_answer(send: Callable, slow: Slow) -> None:
    timer = threading.Timer(0.5, slow.may_end.set)

    first, second, _ = at_once(
        [partial(send, ADJUSTMENTS, RECEIPT), slow.then(partial(send, ADJUSTMENTS, RECEIPT)), timer.start]
    )

    assert (second.content, second["Idempotency-Replayed"]) == (first.content, "true")
    assert StockMovement.objects.count() == 1
    timer.join()


def test_a_duplicate_acts_where_the_first_is_refused(send: Callable, slow: Slow) -> None:
    slow.failures.append(RuntimeError("no"))
    timer = threading.Timer(0.5, slow.may_end.set)

    first, second, _ = at_once(
        [partial(send, ADJUSTMENTS, RECEIPT), slow.then(partial(send, ADJUSTMENTS, RECEIPT)), timer.start]
    )

    assert (first.status_code, second.status_code) == (500, 201)
    assert "Idempotency-Replayed" not in second
    assert StockMovement.objects.count() == IdempotencyKey.objects.count() == 1
    timer.join()


def test_one_body_of_several_takes_effect_and_the_others_are_422(send: Callable) -> None:
    answers = at_once([partial(send, ADJUSTMENTS, {**RECEIPT, "delta": 1 + number}) for number in range(THREADS)])

    assert sorted(answer.status_code for answer in answers) == [201] + [422] * (THREADS - 1)
    assert StockMovement.objects.count() == 1


def test_other_requests_do_not_wait_for_a_key(send: Callable, slow: Slow) -> None:
    def other():
        answer = send("/api/v1/products/", {"name": "Mug", "variants": [{"sku": "M-1"}]}, "k-2")
        slow.may_end.set()
        return answer

    first, second = at_once([partial(send, ADJUSTMENTS, RECEIPT), slow.then(other)])

    assert (first.status_code, second.status_code) == (201, 201)


def test_different_keys_sell_no_more_than_there_is(send: Callable) -> None:
    set_stock("A-1", "main", 10)

    answers = at_once([partial(send, ADJUSTMENTS, SALE, f"k-{number % 6}") for number in range(12)])

    # Each key once, whichever of its two was faster: three of the six sales, and every replay of those.
    won = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in won}) == 3
    assert {answer.status_code for answer in answers} == {201, 409}
    assert StockLevel.objects.get().on_hand == 1
    assert find_mismatches() == []


@pytest.mark.parametrize("key", [None, "k-1"])
def test_a_bulk_whose_sku_another_creates_meanwhile_updates_that_product(
    send: Callable, monkeypatch, key: str | None
) -> None:
    created, looked = threading.Event(), threading.Event()
    owners = products.bulk._Owners

    def look(inputs: list) -> object:
        found = owners(inputs)
        looked.set()
        assert created.wait(PATIENCE_SECONDS)
        return found

    def create() -> Product:
        assert looked.wait(PATIENCE_SECONDS)
        product = make_product("N-2", name="Another's")
        created.set()
        return product

    monkeypatch.setattr(products.bulk, "_Owners", look)

    answer, product = at_once([partial(send, "/api/v1/products/bulk/", LAMPS, key), create])

    assert answer.status_code == 200, answer.content
    assert [row["status"] for row in answer.json()["results"]] == ["created", "updated"]
    assert answer.json()["results"][1]["id"] == product.pk
    product.refresh_from_db()
    assert product.name == "Lamp N-2"
    assert Variant.objects.filter(sku_key__in=["n-1", "n-2"]).count() == 2
    if key is not None:
        again = send("/api/v1/products/bulk/", LAMPS, key)
        assert (again.content, again["Idempotency-Replayed"]) == (answer.content, "true")


def test_bulks_under_keys_of_their_own_create_each_product_once(send: Callable) -> None:
    answers = at_once([partial(send, "/api/v1/products/bulk/", LAMPS, f"k-{number}") for number in range(THREADS)])

    assert {answer.status_code for answer in answers} == {200}
    assert all(set(answer.json()["summary"]) <= {"created", "unchanged"} for answer in answers)
    assert Product.objects.count() == 3
