"""An import whose worker dies continues where it was; one without progress fails."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inventory.models import StockMovement
from pms_backend.events.models import Event
from pms_integration.exceptions import ImportLost
from pms_integration.files import services
from pms_integration.files.limits import MAX_ATTEMPTS
from pms_integration.files.reading import ImportFile
from pms_integration.files.records import FilePosition
from pms_integration.files.runner import run_imports
from pms_integration.models import ImportJob, ImportResult, PreviewedName
from products.models import Product
from tests.conftest import JSONClient
from tests.factories import make_location
from tests.faults.celery_processes import ROOT, database_url
from tests.pms_integration.files.importing import post, table

# So many products for each time that the worker is killed: enough for it to be at work then.
PRODUCTS_FOR_A_KILL = 500
PATIENCE_SECONDS = 60
# Chunks are small, so that there are many instants to be killed at.
WORKER = """
import django
django.setup()
from pms_integration.files import reading, runner
reading.CHUNK_PRODUCTS = 25
while runner.run_imports():
    pass
"""


def rows(count: int) -> str:
    quantity = {"Variant Inventory Qty": "3"}
    return table(*({"Handle": f"lamp-{n}", "Title": "Lamp", "Variant Price": "1", **quantity} for n in range(count)))


def worker(private_files: Path) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ, "DATABASE_URL": database_url(), "DATA_DIR": str(private_files.parent),
        "DJANGO_SETTINGS_MODULE": "pms_backend.settings",
    }  # fmt: skip
    return subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment)


def expire_lease() -> None:
    ImportJob.objects.update(lease_until=timezone.now())


def killed_at_work(private_files: Path, kills: int, products: int) -> None:
    """Runs a worker so many times, and kills it each time once it has made progress."""
    for _ in range(kills):
        before = ImportJob.objects.get().processed
        process = worker(private_files)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (now := ImportJob.objects.get().processed) <= before and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert before < now < products
        connection.close()
        expire_lease()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kills", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_killed_worker_loses_nothing_and_repeats_nothing(api: JSONClient, private_files: Path, kills: int):
    make_location()
    products = kills * PRODUCTS_FOR_A_KILL
    assert post(api, rows(products)).status_code == 202

    killed_at_work(private_files, kills, products)
    assert worker(private_files).wait(PATIENCE_SECONDS) == 0

    job = ImportJob.objects.get()
    assert (job.status, job.claims, job.processed, job.total) == ("finished", kills + 1, products, products)
    assert (job.created, job.updated, job.unchanged, job.failed) == (products, 0, 0, 0)
    assert Product.objects.count() == StockMovement.objects.count() == products
    assert Event.objects.filter(type="product.created").count() == products
    assert Event.objects.filter(type="import.finished").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kills", [pytest.param(1, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_a_killed_worker_of_a_preview_stores_each_result_once(api: JSONClient, private_files: Path, kills: int):
    make_location()
    products = kills * PRODUCTS_FOR_A_KILL
    assert post(api, rows(products), dry_run="true").status_code == 202

    killed_at_work(private_files, kills, products)
    assert worker(private_files).wait(PATIENCE_SECONDS) == 0

    job = ImportJob.objects.get()
    assert (job.status, job.claims, job.processed, job.created) == ("finished", kills + 1, products, products)
    lines = ImportResult.objects.order_by("id").values_list("line", flat=True)
    assert list(lines) == list(range(2, products + 2))
    assert not Product.objects.exists()
    assert not PreviewedName.objects.exists()
    assert list(Event.objects.exclude(type="location.changed").values_list("type", flat=True)) == ["import.finished"]


@pytest.mark.django_db
def test_a_worker_that_lost_its_lease_previews_nothing(api: JSONClient, private_files: Path):
    post(api, rows(1), dry_run="true")
    lost = services.lease_import()
    assert lost is not None
    expire_lease()
    services.lease_import()

    with next(private_files.rglob("*.csv")).open("rb") as file:
        source = ImportFile(file, "csv")
        with pytest.raises(ImportLost):
            services.preview_chunks(lease=lost, chunks=[list(source.products(FilePosition(0, 1)))], source=source)

    assert not ImportResult.objects.exists()
    assert not PreviewedName.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_the_lease_is_renewed_while_products_are_read(api: JSONClient, monkeypatch: pytest.MonkeyPatch, dry_run: str):
    renewals: list[object] = []
    monkeypatch.setattr("pms_integration.files.runner.RENEWAL_SECONDS", 0)
    monkeypatch.setattr("pms_integration.files.services.renew", lambda **lease: renewals.append(lease))
    post(api, rows(3), dry_run=dry_run)

    run_imports()

    # Lines are counted first.
    assert len(renewals) == 3 + 3


@pytest.mark.django_db
def test_a_worker_that_lost_its_lease_writes_nothing(api: JSONClient):
    post(api, rows(2))
    first = services.lease_import()
    assert services.lease_import() is None
    expire_lease()
    second = services.lease_import()

    with pytest.raises(ImportLost):
        services.finish_import(lease=first)
    services.finish_import(lease=second)

    assert ImportJob.objects.get().status == "finished"


@pytest.mark.django_db
def test_an_import_without_progress_fails_after_some_attempts(api: JSONClient, monkeypatch):
    post(api, rows(2))

    def break_down(**_: object) -> bool:
        raise RuntimeError("broken")

    monkeypatch.setattr("pms_integration.files.services.apply_chunk", break_down)
    for _ in range(MAX_ATTEMPTS + 1):
        run_imports()
        expire_lease()

    job = ImportJob.objects.get()
    assert (job.status, job.error) == ("failed", f"{MAX_ATTEMPTS} attempts did not come past line 1.")
    assert not Product.objects.exists()


@pytest.mark.django_db
def test_an_import_whose_file_is_missing_fails(api: JSONClient, private_files: Path):
    post(api, rows(2))
    next(path for path in private_files.rglob("*.csv")).unlink()

    run_imports()

    assert ImportJob.objects.get().error == "The file is not in the storage any more."


@pytest.mark.django_db
def test_after_its_time_slice_an_import_is_released_and_continues_where_it_was(api: JSONClient, monkeypatch):
    monkeypatch.setattr("pms_integration.files.reading.CHUNK_PRODUCTS", 2)
    monkeypatch.setattr("pms_integration.files.runner.SLICE_SECONDS", 0.0001)
    post(api, rows(5))
    seen = []

    while not ImportJob.objects.get().is_over:
        run_imports()
        seen.append(ImportJob.objects.get().processed)

    assert seen == sorted(seen)
    assert {2, 4, 5} <= set(seen)
    assert ImportJob.objects.get().created == 5


@pytest.mark.django_db
def test_a_chunk_of_any_size_needs_the_same_number_of_statements(api: JSONClient):
    make_location()
    counted = []
    for count in (5, 200):
        post(api, rows(count).replace("lamp-", f"lamp-{count}-"))
        with CaptureQueriesContext(connection) as queries:
            run_imports()
        counted.append(len(queries))

    assert counted[0] == counted[1] < 60
