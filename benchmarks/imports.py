"""`make bench ARGS=imports`: what an import costs, in time and memory.

The limit is COPY of the same products and variants, ready-made rows, into bare tables. Ours is the file as a worker
imports it: read, checked, matched, written with its events. The memory is the most that the process had; that it is
flat is seen by running it with ten times as many.

Measured on two cores, other work beside it: 100,000 products are created at 592/s (0.003 of a COPY of 207,000/s) and
found unchanged at 1,744/s, in at most 141 MB; 5,000 of them at 708/s and 2,044/s, in 139 MB. Since their INSERTs are
written by hand, 8,000 are created at 919/s on a slower day, where it was 634/s. A preview takes 1.1 to 1.2 times what
creating them takes, and as long as leaving them alone.
"""

import argparse
import csv
import io
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Final

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import connection
from django.test import override_settings

from inventory import services as inventory
from inventory.models import Location
from pms_integration.files import services
from pms_integration.files.columns import exported_columns
from pms_integration.files.runner import run_imports
from pms_integration.models import ImportJob

TARGET: Final = 0.01
DESCRIPTION: Final = "<p>A lamp for the <b>desk</b>, with a cable of two metres and a switch that stays cool.</p>"
TABLES: Final = """
CREATE TABLE bench_product (handle text PRIMARY KEY, name text, description text, brand text, status text, tags text);
CREATE TABLE bench_variant (sku text PRIMARY KEY, handle text, price numeric(12, 2), weight_grams int, barcode text);
"""


def rows(count: int) -> Iterator[dict[str, object]]:
    """A product of one variant in each."""
    for number in range(count):
        yield {
            "Handle": f"lamp-{number}", "Title": f"Lamp {number}", "Body (HTML)": DESCRIPTION, "Vendor": "Bench",
            "Type": "Lamps", "Tags": "desk, bright", "Published": "true", "Option1 Name": "Title",
            "Option1 Value": "Default Title", "Variant SKU": f"LAMP-{number}", "Variant Grams": 1200,
            "Variant Price": "10.50", "Status": "active",
        }  # fmt: skip


def upload(count: int, *, quantity: int | None) -> TemporaryUploadedFile:
    """The file, on the disk as Django has it of a request."""
    file = TemporaryUploadedFile("lamps.csv", "text/csv", 0, "utf-8")
    text = io.TextIOWrapper(file.file, "utf-8", newline="", write_through=True)
    names = [name for name in exported_columns(3) if quantity is not None or name != "Variant Inventory Qty"]
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows(count):
        writer.writerow({**row, "Variant Inventory Qty": quantity} if quantity is not None else row)
    text.flush()
    file.size = text.tell()
    text.detach()
    return file


def copy(count: int) -> float:
    """The limit: seconds."""
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        with cursor.copy("COPY bench_product FROM STDIN") as into:
            for row in rows(count):
                into.write_row([row[name] for name in ("Handle", "Title", "Body (HTML)", "Vendor", "Status", "Tags")])
        with cursor.copy("COPY bench_variant FROM STDIN") as into:
            for row in rows(count):
                into.write_row([row["Variant SKU"], row["Handle"], row["Variant Price"], row["Variant Grams"], ""])
    return time.perf_counter() - began


def imported(count: int, location: Location, *, quantity: int | None = None, dry_run: bool = False) -> float:
    """Ours: seconds; with `dry_run` those of a preview."""
    file = services.store_file(upload=upload(count, quantity=quantity), format=None, may_set_stock=True)
    services.create_import(file=file, location=location, client="", dry_run=dry_run)
    began = time.perf_counter()
    while run_imports():
        continue
    seconds = time.perf_counter() - began
    job = ImportJob.objects.latest("id")
    if (job.status, job.processed, job.failed) != ("finished", count, 0):
        raise SystemExit(f"{job.status}: {job.processed} lines, {job.failed} failed. {job.error}")
    return seconds


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=imports", description=__doc__)
    parser.add_argument("--products", type=int, default=100_000, help="in the file (default: %(default)s)")
    count: int = parser.parse_args().products
    location = inventory.create_location(code="bench", name="Benchmark")
    with tempfile.TemporaryDirectory() as media, override_settings(MEDIA_ROOT=media):
        before = _peak_mb()
        limit = copy(count)
        previewed = imported(count, location, dry_run=True)
        created = imported(count, location)
        previewed_again, unchanged = imported(count, location, dry_run=True), imported(count, location)
        counted = imported(min(count, 10_000), location, quantity=5)
    print(f"{count:,} products: COPY {count / limit:,.0f}/s")
    for name, seconds, number in (("created", created, count), ("unchanged", unchanged, count)):
        print(f"{name}: {number / seconds:,.0f}/s, ratio {limit / seconds:.3f}, target ≥ {TARGET:.3f}")
    print(f"a preview takes {previewed / created:.2f} of creating, {previewed_again / unchanged:.2f} of leaving alone")
    print(f"with stock that changes: {min(count, 10_000) / counted:,.0f}/s")
    print(f"memory of the process at most: {_peak_mb():.0f} MB, {_peak_mb() - before:.0f} MB more than before it began")
    return 0


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
