"""Sync runs in the API."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from pms_backend.access.models import AuditEntry
from pms_backend.access.scopes import ALL_SCOPES
from pms_integration import services
from pms_integration.models import PMSConnection, SyncDifference, SyncRun
from tests.conftest import ClientWith, JSONClient
from tests.factories import make_connection
from tests.pms_integration.simulator.calling import SimulatorHere, product
from tests.pms_integration.sync.running import fill

pytestmark = pytest.mark.django_db(transaction=True)

RUNS = "/api/v1/pms/sync-runs/"
SYNC = "/api/v1/pms/connections/demo/sync/"


def finished(api: JSONClient, **body: Any) -> dict[str, Any]:
    """A run that is started, and gone through."""
    started = api.post(SYNC, {"mode": "full", **body}).json()
    services.run_syncs()
    run: dict[str, Any] = api.get(f"{RUNS}{started['id']}/").json()
    return run


def test_a_run_is_started_watched_and_listed(api: JSONClient, pms: PMSConnection, simulator: SimulatorHere) -> None:
    fill(simulator, 2)

    started = api.post(SYNC, {"mode": "full"})

    assert started.status_code == 202
    run = started.json()
    assert run == {
        "id": run["id"], "connection": "demo", "mode": "full", "resources": ["products", "stock"], "dry_run": False,
        "status": "pending", "processed": 0, "total": None, "created": 0, "updated": 0, "unchanged": 0, "failed": 0,
        "archived": 0, "held_because": "", "errors": [], "started_at": None, "finished_at": None,
    }  # fmt: skip
    refused = api.post(SYNC, {"mode": "incremental"})
    assert (refused.status_code, refused.json()["code"]) == (409, "sync_running")
    assert f"sync run {run['id']} of demo" in refused.json()["detail"]
    services.run_syncs()
    shown = api.get(f"{RUNS}{run['id']}/").json()
    assert (shown["status"], shown["processed"], shown["total"], shown["created"]) == ("finished", 4, 4, 4)
    assert [one["id"] for one in api.get(RUNS, {"connection": "demo", "status": "finished"}).json()["results"]] == [
        run["id"]
    ]
    assert api.get(RUNS, {"status": "held"}).json()["results"] == []
    assert AuditEntry.objects.get(action="sync.started").detail["run"] == run["id"]


@pytest.mark.parametrize(
    "body", [{}, {"mode": "some"}, {"mode": "full", "resources": []}, {"mode": "full", "resources": ["images"]}]
)
def test_what_cannot_be_asked_for_is_refused(api: JSONClient, pms: PMSConnection, body: dict[str, Any]) -> None:
    assert api.post(SYNC, body).status_code == 422
    assert not SyncRun.objects.exists()


def test_a_pms_that_only_sends_webhooks_is_not_synced(api: JSONClient) -> None:
    make_connection("demo")

    refused = api.post(SYNC, {"mode": "full"})

    assert (refused.status_code, refused.json()["code"]) == (409, "pms_not_called")


def test_differences_are_paged_and_filtered(api: JSONClient, pms: PMSConnection, simulator: SimulatorHere) -> None:
    fill(simulator, 3)
    run = finished(api, dry_run=True, resources=["products"])
    url = f"{RUNS}{run['id']}/differences/"

    first = api.get(url, {"page_size": 2}).json()
    second = api.get(first["next"]).json()

    assert [one["sku"] for one in (*first["results"], *second["results"])] == ["A-0", "A-1", "A-2"]
    assert first["results"][0] == {
        "resource": "products", "external_id": first["results"][0]["external_id"], "sku": "A-0", "field": "",
        "pms": "Product A-0", "local": None, "action": "create_here", "detail": "",
    }  # fmt: skip
    assert len(api.get(url, {"action": "create_here"}).json()["results"]) == 3
    assert api.get(url, {"action": "archive"}).json()["results"] == []
    assert [one["sku"] for one in api.get(url, {"sku": "A-1"}).json()["results"]] == ["A-1"]
    assert api.get(f"{RUNS}{run['id'] + 1}/differences/").status_code == 404


def test_costs_are_shown_to_those_who_may_see_them(
    api: JSONClient, client_with: ClientWith, pms: PMSConnection, simulator: SimulatorHere
) -> None:
    made = simulator.control("products", product(), 201)
    finished(api)
    dearer = {"variants": [{"sku": "A-1", "price": "10.00", "cost": "4.00"}]}
    simulator.control(f"products/{made['id']}", dearer, method="PATCH")
    url = f"{RUNS}{finished(api)['id']}/differences/"
    reader = client_with([scope for scope in ALL_SCOPES if not scope.startswith("products:write")], tier="default")

    assert [one["field"] for one in api.get(url).json()["results"]] == ["variants[A-1].cost"]
    assert reader.get(url).json()["results"] == []


def test_a_run_is_cancelled_and_a_held_one_confirmed(api: JSONClient, pms: PMSConnection) -> None:
    run = api.post(SYNC, {"mode": "full"}).json()
    url = f"{RUNS}{run['id']}/"

    assert api.post(f"{url}confirm/").json()["code"] == "sync_not_held"
    SyncRun.objects.update(status="held", held_because="It would archive 30 of 40 products.")
    confirmed = api.post(f"{url}confirm/").json()
    cancelled = api.post(f"{url}cancel/").json()

    assert (confirmed["status"], cancelled["status"]) == ("running", "cancelled")
    assert cancelled["held_because"] == "It would archive 30 of 40 products."
    again = api.post(f"{url}cancel/")
    assert (again.status_code, again.json()["code"]) == (409, "sync_over")
    audited = AuditEntry.objects.filter(subject=f"sync_run:{run['id']}").order_by("id")
    assert list(audited.values_list("action", flat=True)) == ["sync.confirmed", "sync.cancelled"]


def test_differences_of_old_runs_are_removed(
    api: JSONClient, pms: PMSConnection, simulator: SimulatorHere, settings
) -> None:
    fill(simulator, 2)
    run = finished(api, dry_run=True)
    assert (services.prune_differences(), SyncDifference.objects.count()) == (0, 4)
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(days=settings.PMS_EVENT_RETENTION_DAYS, seconds=1))

    assert (services.prune_differences(), SyncDifference.objects.count()) == (4, 0)
    assert SyncRun.objects.get().pk == run["id"]
