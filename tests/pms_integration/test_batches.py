"""Events are applied in batches; the outcome is that of one by one."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.models import StockLevel, StockMovement
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.models import PMSConnection, PMSEvent, PMSProduct, PMSStock
from products.models import Product, Variant
from tests.factories import make_connection, make_location, make_product
from tests.pms_integration.reports import at, delta, figure, product, receive

pytestmark = [pytest.mark.django_db, pytest.mark.database]

Message = tuple[str, dict[str, Any]]
MOMENTS = [at(minute) for minute in (-9, -7, -5, -3)]
SKUS = ("A", "B", "C")
BARCODES = ("", "", "X", "Y")
MOVEMENTS = "ALTER TABLE inventory_stockmovement"


VARIANT = st.tuples(st.sampled_from(SKUS), st.sampled_from(BARCODES))
# The variants of products of ours: one has a SKU that the PMS may report, but no stock, which a batch applies last: a
# link by barcode may have renamed it by then.
OURS = st.lists(
    st.tuples(st.just("C"), st.sampled_from(BARCODES)) | st.tuples(st.sampled_from("KLM"), st.sampled_from(BARCODES)),
    max_size=3,
    unique_by=lambda variant: variant[0],
)


UNUSABLE = {"options": [{"name": "Size", "values": ["none of them"]}]}


@st.composite
def messages(draw: st.DrawFn) -> list[Message]:
    """Reports of products that share SKUs and barcodes, and of their stock, some of it reported before the product."""
    products = st.builds(
        _product_message,
        kind=st.sampled_from(["product.created", "product.updated", "product.published", "product.unpublished"]),
        number=st.sampled_from(["1", "2", "3"]),
        version=st.integers(1, 4),
        variants=st.lists(VARIANT, min_size=1, max_size=2, unique_by=lambda variant: variant[0]),
        name=st.sampled_from(["Lamp", "Desk"]),
        more=st.sampled_from([{}, {}, {}, UNUSABLE]),
    )
    deletions = st.builds(
        lambda number, version: ("product.deleted", {"id": number, "version": version}),
        st.sampled_from(["1", "2"]),
        st.integers(1, 4),
    )
    moment = {"location": st.just("main"), "sku": st.sampled_from("AB"), "occurred_at": st.sampled_from(MOMENTS)}
    figures = st.fixed_dictionaries({**moment, "on_hand": st.integers(0, 9)}).map(
        lambda data: ("inventory.updated", data)
    )
    deltas = st.fixed_dictionaries({**moment, "delta": st.sampled_from([-3, -1, 2])}).map(
        lambda data: ("inventory.adjusted", data)
    )
    return draw(st.lists(st.one_of(products, deletions, figures, deltas), min_size=1, max_size=12))


def _product_message(kind: str, variants: Sequence[tuple[str, str]], number: str, more: Any, **data: Any) -> Message:
    return kind, {"id": number, "status": "active", "variants": _variants(variants), **data, **more}


def _variants(variants: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    same = {"price": "9.90", "currency": "EUR"}
    return [{"sku": sku, "barcode": barcode, "options": {"Size": sku}, **same} for sku, barcode in variants]


class Shop:
    """A connection with a location and SKUs of its own, so that several shops stand side by side."""

    def __init__(self, ours: Sequence[tuple[str, str]]) -> None:
        self.name = uuid.uuid4().hex[:8]
        for number, variant in enumerate(ours):
            make_product(name=f"Ours {number}", status="active", variants=self.own(_variants([variant])))
        location = make_location(f"l-{self.name}")
        self.connection = make_connection(f"c-{self.name}")
        services.map_location(connection=self.connection, location=location, external_id="main", owns_stock=True)
        self.count = 0

    def receive(self, message: Message) -> None:
        kind, data = message
        data = {**data, "sku": f"{self.name}-{data['sku']}"} if "sku" in data else dict(data)
        if "variants" in data:
            data["variants"] = self.own(data["variants"])
        self.count += 1
        receive(self.connection, kind, data, webhook_id=f"m-{self.count:03}")

    def own(self, variants: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {**variant, **{key: f"{self.name}-{variant[key]}" for key in ("sku", "barcode") if variant[key]}}
            for variant in variants
        ]

    def state(self) -> dict[str, Any]:
        """All that the messages have led to, without the name of the shop."""
        variants = Variant.objects.filter(sku__startswith=self.name)
        told = ("external_id", "version", "state", "is_deleted", "product__name")
        links = self.connection.products.with_state().values_list(*told)
        figures = self.connection.stock.values_list("variant__sku", "on_hand", "webhook_id")
        levels = StockLevel.objects.filter(variant__in=variants).values_list("variant__sku", "on_hand")
        return {
            "links": sorted(links, key=str),
            "products": sorted(
                (
                    row.name,
                    row.status,
                    row.version,
                    [self.plain(variant.sku) for variant in row.variants.order_by("sku")],
                    [self.plain(variant.barcode) for variant in row.variants.order_by("sku")],
                )
                for row in Product.objects.filter(variants__in=variants).distinct()
            ),
            "figures": sorted((self.plain(sku), *rest) for sku, *rest in figures),
            "levels": sorted((self.plain(sku), on_hand) for sku, on_hand in levels),
        }

    def steps(self) -> dict[str, Any]:
        """How it came to that: each event and each movement."""
        movements = StockMovement.objects.filter(level__variant__sku__startswith=self.name).order_by("level_version")
        rows = movements.values_list(
            "level__variant__sku", "level_version", "delta", "reason", "request_id", "occurred_at"
        )
        return {
            "events": [
                (webhook_id, status, self.plain(reason))
                for webhook_id, status, reason in self.connection.events.order_by("pk").values_list(
                    "webhook_id", "status", "reason"
                )
            ],
            "movements": sorted((self.plain(sku), *rest) for sku, *rest in rows),
        }

    def plain(self, text: str) -> str:
        return text.replace(f"{self.name}-", "")


@pytest.mark.parametrize("examples", [30, pytest.param(400, marks=pytest.mark.slow)])
def test_a_batch_has_the_outcome_of_one_by_one(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(sent=messages(), ours=OURS)
    def check(sent: list[Message], ours: list[tuple[str, str]]) -> None:
        one_by_one, batch = Shop(ours), Shop(ours)
        for message in sent:
            one_by_one.receive(message)
            services.apply_due_events()
        for message in sent:
            batch.receive(message)
        for _ in range(2):
            services.apply_due_events()

        assert batch.state() == one_by_one.state()
        if not one_by_one.connection.events.filter(attempts__gt=1).exists():
            # Otherwise stock waited for its product, which a batch applies before it.
            assert batch.steps() == one_by_one.steps()
        assert find_mismatches() == []

    check()


def test_the_statements_do_not_grow_with_the_events() -> None:
    pms = make_connection("demo", owns=make_location("main"))
    for number in range(40):
        make_product(f"S-{number}")
    services.apply_due_events()  # The first one of a process tries again what failed by us.

    def statements(numbers: range) -> int:
        for number in numbers:
            receive(pms, "inventory.adjusted", delta(1, minute=-1, sku=f"S-{number}"))
            receive(pms, "inventory.updated", figure(5, minute=-2, sku=f"S-{number}"))
            receive(pms, "product.updated", product(f"P-{number}", 1, sku=f"S-{number}"))
        with CaptureQueriesContext(database) as captured:
            services.apply_due_events()
        return len(captured)

    few, many = statements(range(2)), statements(range(2, 40))

    assert set(PMSEvent.objects.values_list("status", flat=True)) == {"processed"}
    assert many == few


def test_events_of_a_batch_keep_their_own_request_ids() -> None:
    pms = make_connection("demo", owns=make_location("main"))
    receive(pms, "product.created", product("7", 1), webhook_id="m-1")
    receive(pms, "inventory.adjusted", delta(1, minute=-1), webhook_id="m-2")
    receive(pms, "inventory.adjusted", delta(2, minute=-1), webhook_id="m-3")
    services.apply_due_events()

    recorded = Event.objects.order_by("id").values_list("type", "actor", "request_id")
    assert [row for row in recorded if row[0] != "location.changed"] == [
        ("product.created", "pms:demo", "m-1"),
        ("product.published", "pms:demo", "m-1"),
        ("stock.changed", "pms:demo", "m-2"),
        ("stock.changed", "pms:demo", "m-3"),
    ]
    changes = Event.objects.filter(type="stock.changed").order_by("id")
    assert [change.data["movement"]["request_id"] for change in changes] == ["m-2", "m-3"]


@pytest.fixture
def pms() -> PMSConnection:
    return make_connection("demo", owns=make_location("main"))


@pytest.fixture
def refuses_one() -> Iterator[None]:
    """A rule that one movement breaks."""
    with database.cursor() as cursor:
        cursor.execute(f"{MOVEMENTS} ADD CONSTRAINT refuses_one CHECK (reference <> 'R-4') NOT VALID")
    yield
    with database.cursor() as cursor:
        cursor.execute(f"{MOVEMENTS} DROP CONSTRAINT refuses_one")


def statuses() -> dict[str, str]:
    return dict(PMSEvent.objects.values_list("webhook_id", "status"))


@pytest.mark.django_db(transaction=True)
def test_one_that_fails_costs_itself_only(pms: PMSConnection, refuses_one: None) -> None:
    """Half of the batch is tried by itself, then half of that, down to the one that fails."""
    make_product("A-1")
    for number in range(9):
        receive(pms, "inventory.adjusted", delta(1, minute=-1, reference=f"R-{number}"), webhook_id=f"m-{number}")
    services.apply_due_events()

    expected = {f"m-{number}": "processed" for number in range(9)} | {"m-4": "failed"}
    assert statuses() == expected
    assert StockLevel.objects.get().on_hand == 8
    failed = PMSEvent.objects.get(status="failed")
    assert (failed.failed_by_us, "refuses_one" in failed.reason) == (True, True)


@pytest.mark.django_db(transaction=True)
def test_of_several_reports_of_an_event_all_are_applied_or_none(pms: PMSConnection, monkeypatch: pytest.MonkeyPatch):
    """A connector may find several reports in one webhook; the standard one never does."""
    connector = CONNECTORS["standard"]
    parse = connector.parse
    several = [("main", "A-1"), ("moon", "A-1")]

    def parse_twice(headers: Any, body: Any) -> Any:
        return [report for where, sku in several for report in parse(headers, _moved(body, where, sku)) or ()]

    monkeypatch.setattr(type(connector), "parse", lambda _, headers, body: parse_twice(headers, body))
    make_product("A-1")
    receive(pms, "inventory.adjusted", delta(3, minute=-1), webhook_id="m-1")
    services.apply_due_events()
    assert (statuses(), StockMovement.objects.count()) == ({"m-1": "failed"}, 0)

    make_location("moon")
    services.retry_events()
    services.apply_due_events()
    assert statuses() == {"m-1": "processed"}
    assert sorted(StockMovement.objects.values_list("source", "delta")) == [("demo:m-1:0", 3), ("demo:m-1:1", 3)]


def _moved(body: dict[str, Any], location: str, sku: str) -> dict[str, Any]:
    return {**body, "data": {**body["data"], "location": location, "sku": sku}}


def test_a_figure_for_comparison_creates_no_level() -> None:
    make_location("main")
    pms = make_connection()
    make_product("A-1")

    receive(pms, "inventory.updated", figure(99, minute=-1))
    services.apply_due_events()

    assert not StockLevel.objects.exists()
    stored = PMSStock.objects.get()
    assert (stored.variant.sku, stored.location.code, stored.on_hand) == ("A-1", "main", 99)


def test_a_conflict_keeps_the_version_so_that_a_report_resolves_it(pms: PMSConnection) -> None:
    make_product("A-1")
    make_product("B-1")
    both = product("7", 3) | {"variants": [{"sku": "A-1"}, {"sku": "B-1"}]}
    for number in range(2):
        receive(pms, "product.updated", both, webhook_id=f"conflict-{number}")
        services.apply_due_events()
    link = PMSProduct.objects.with_state().get()
    assert (link.state, link.version, link.product) == ("conflict", None, None)
    assert Event.objects.filter(type="pms.conflict").count() == 1

    receive(pms, "product.updated", product("7", 3), webhook_id="resolved")
    services.apply_due_events()

    link = PMSProduct.objects.with_state().get()
    assert (link.state, link.version, link.product) == ("in_sync", 3, Product.objects.get(variants__sku="A-1"))


def test_the_same_version_with_other_content_is_applied_and_asked_for(pms: PMSConnection) -> None:
    for number, name in enumerate(("Lamp", "Lamp", "Desk lamp")):
        receive(pms, "product.updated", product("7", 3, name=name), webhook_id=f"m-{number}")
        services.apply_due_events()

    assert statuses() == {"m-0": "processed", "m-1": "ignored", "m-2": "processed"}
    assert Product.objects.get().name == "Desk lamp"
    assert list(pms.refetches.values_list("resource", "external_id")) == [("product", "7")]


@pytest.mark.parametrize(("filters", "retried"), [({}, 3), ({"status": "dead"}, 1), ({"connection": "demo"}, 2)])
def test_many_are_retried_at_once(pms: PMSConnection, api: Any, filters: dict[str, str], retried: int) -> None:
    other = make_connection("other")
    make_product("A-1")
    receive(pms, "inventory.adjusted", delta(1, minute=-1) | {"location": "moon"}, webhook_id="failed")
    receive(pms, "inventory.adjusted", delta(0, minute=-1), webhook_id="dead")
    receive(pms, "weather.changed", {}, webhook_id="ignored")
    receive(other, "inventory.adjusted", delta(1, minute=-1, sku="later"), webhook_id="deferred")
    services.apply_due_events()

    answer = api.post("/api/v1/pms/events/retry/", filters)

    assert (answer.status_code, answer.json()) == (200, {"retried": retried})
    assert PMSEvent.objects.filter(status="received", attempts=0).count() == retried


def test_only_those_received_since_a_moment_are_retried(pms: PMSConnection, api: Any) -> None:
    receive(pms, "inventory.adjusted", delta(0, minute=-1), webhook_id="dead")
    services.apply_due_events()

    assert api.post("/api/v1/pms/events/retry/", {"since": at(1)}).json() == {"retried": 0}
    assert api.post("/api/v1/pms/events/retry/", {"since": at(-1)}).json() == {"retried": 1}
    assert api.post("/api/v1/pms/events/retry/", {"status": "processed"}).status_code == 422


@pytest.mark.parametrize("wake", [services.retry_own_failures, services.wake_deferred])
def test_only_what_failed_by_us_is_tried_at_once_by_a_new_process(
    pms: PMSConnection, monkeypatch: pytest.MonkeyPatch, wake: Callable[[], int]
) -> None:
    make_product("A-1")
    with monkeypatch.context() as broken:
        broken.setattr("pms_integration.services.applying._apply_reports", lambda pms, reported: 1 / 0)
        receive(pms, "inventory.adjusted", delta(1, minute=-1), webhook_id="ours")
        services.apply_due_events()
    receive(pms, "inventory.adjusted", delta(1, minute=-1) | {"location": "moon"}, webhook_id="theirs")
    services.apply_due_events()

    assert wake() == (1 if wake is services.retry_own_failures else 0)
    services.apply_due_events()

    ours = "processed" if wake is services.retry_own_failures else "failed"
    assert statuses() == {"ours": ours, "theirs": "failed"}
