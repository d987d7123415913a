"""Runs syncs in this process."""

from typing import Any

from inventory.models import StockLevel
from pms_integration import services
from pms_integration.models import PMSConnection, SyncMode, SyncRun
from tests.factories import make_connection, make_location
from tests.pms_integration.outgoing.calling import connect_simulator
from tests.pms_integration.simulator.calling import SimulatorHere, product


def connect(simulator: SimulatorHere, slug: str = "demo", *, owns: str = "main") -> PMSConnection:
    """A connection to the simulator, which owns the stock of this location and calls it W1."""
    location = make_location(owns)
    pms = make_connection(slug)
    services.map_location(connection=pms, location=location, external_id="W1", owns_stock=True)
    return connect_simulator(pms, simulator)


def start(pms: PMSConnection, mode: str = "full", **more: Any) -> SyncRun:
    return services.start_sync(slug=pms.slug, mode=SyncMode(mode), **more)


def go_on(run: SyncRun) -> SyncRun:
    """Goes on with due runs until none is due; returns the run as it is then."""
    services.run_syncs()
    run.refresh_from_db()
    return run


def sync(pms: PMSConnection, mode: str = "full", **more: Any) -> SyncRun:
    return go_on(start(pms, mode, **more))


def counts(run: SyncRun) -> dict[str, int]:
    """The counts that are not 0."""
    names = ("processed", "total", "created", "updated", "unchanged", "failed", "archived")
    return {name: value for name in names if (value := getattr(run, name))}


def differences(run: SyncRun) -> list[tuple[Any, ...]]:
    """Resource, SKU, field, PMS's value, ours and action of each difference, in their order."""
    found = run.differences.values_list("resource", "sku", "field", "pms", "local", "action")
    return list(found.order_by("id"))


def count(simulator: SimulatorHere, sku: str, on_hand: int) -> None:
    """The PMS counts a SKU at W1."""
    simulator.control("stock/count", {"sku": sku, "location": "W1", "on_hand": on_hand})


def fill(simulator: SimulatorHere, number: int, *, on_hand: int | None = 5) -> list[str]:
    """So many products, A-0 and so on, with stock; returns their ids."""
    ids = []
    for index in range(number):
        ids.append(simulator.control("products", product(f"A-{index}"), 201)["id"])
        if on_hand is not None:
            count(simulator, f"A-{index}", on_hand)
    return ids


def on_hand(sku: str) -> int | None:
    return StockLevel.objects.filter(variant__sku=sku).values_list("on_hand", flat=True).first()
