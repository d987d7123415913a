"""The import that follows a preview: of the same file, once, while the file is stored."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from pms_integration.exceptions import AlreadyImported, ImportFileGone, PreviewUnfinished, StockNotYours
from pms_integration.files.limits import FILE_RETENTION_DAYS
from pms_integration.files.runner import run_imports
from pms_integration.files.services import import_previewed, prune_import_files
from pms_integration.models import ImportJob, ImportResult
from products.models import Product
from tests.conftest import JSONClient
from tests.factories import make_location, make_product
from tests.pms_integration.files.importing import IMPORTS, changes, counts, imported, post, previewed

pytestmark = pytest.mark.django_db

PLAIN = "Handle,Title,Variant Price\nlamp,Lamp,5\ndesk,Desk,x\n"
STOCK = "Handle,Title,Variant Inventory Qty\nlamp,Lamp,5\n"


def followed(preview: dict[str, Any], *, may_set_stock: bool = True) -> ImportJob:
    job = import_previewed(preview_id=preview["id"], client="user:1", may_set_stock=may_set_stock)
    while run_imports():
        continue
    job.refresh_from_db()
    return job


def stored(private_files: Path) -> int:
    return sum(path.is_file() for path in private_files.rglob("*"))


def grow_old(*jobs: int) -> None:
    long_ago = timezone.now() - timedelta(days=FILE_RETENTION_DAYS, hours=1)
    ImportJob.objects.filter(pk__in=jobs).update(finished_at=long_ago)


def test_it_imports_the_stored_file_at_the_same_location(api: JSONClient, private_files: Path):
    make_location("main")
    shop = make_location("shop", priority=50)
    preview = previewed(api, STOCK, location="shop")

    job = followed(preview)

    assert (job.dry_run, job.preview_id, job.location, job.client) == (False, preview["id"], shop, "user:1")
    assert (job.created, job.file, stored(private_files)) == (1, ImportJob.objects.get(pk=preview["id"]).file, 1)
    shown = api.get(f"{IMPORTS}{job.pk}/").json()
    assert (shown["dry_run"], shown["preview"]) == (False, preview["id"])
    [result] = changes(api, shown)
    assert (result["product"], result["changes"][-1]["to"]) == (Product.objects.get().pk, 5)


def test_what_has_changed_since_the_preview_is_what_the_import_finds(api: JSONClient):
    preview = previewed(api, PLAIN)
    make_product("LAMP", handle="lamp", name="Lamp")

    job = followed(preview)

    assert counts(preview) == {"created": 1, "failed": 1}
    assert (job.created, job.updated, job.failed) == (0, 1, 1)


def test_a_preview_is_followed_by_one_import(api: JSONClient):
    preview = previewed(api, PLAIN)
    first = followed(preview)

    with pytest.raises(AlreadyImported, match=f"import {first.pk}"):
        followed(preview)

    assert ImportJob.objects.filter(dry_run=False).count() == 1


def test_an_import_that_has_failed_may_be_repeated(api: JSONClient):
    preview = previewed(api, PLAIN)
    failed = followed(preview)
    ImportJob.objects.filter(pk=failed.pk).update(status="failed", error="It broke.")

    assert followed(preview).unchanged == 1


def test_only_a_preview_that_has_finished_is_imported(api: JSONClient):
    waiting, done = post(api, PLAIN, dry_run="true").json(), None
    with pytest.raises(PreviewUnfinished):
        import_previewed(preview_id=waiting["id"], client="", may_set_stock=True)
    done = imported(api, PLAIN)

    with pytest.raises(PreviewUnfinished):
        import_previewed(preview_id=done["id"], client="", may_set_stock=True)

    assert ImportJob.objects.count() == 2


def test_quantities_need_the_right_of_who_imports(api: JSONClient):
    make_location()
    preview = previewed(api, STOCK)

    with pytest.raises(StockNotYours):
        followed(preview, may_set_stock=False)

    assert not Product.objects.exists()


def test_a_preview_whose_file_was_removed_is_not_imported(api: JSONClient, private_files: Path):
    preview = previewed(api, PLAIN)
    assert len(changes(api, preview)) == 2
    grow_old(preview["id"])

    assert prune_import_files() == 1
    with pytest.raises(ImportFileGone):
        followed(preview)

    assert stored(private_files) == 0
    assert changes(api, preview) == []
    assert len(api.get(f"{IMPORTS}{preview['id']}/").json()["errors"]) == 1
    assert not ImportResult.objects.exists()


def test_the_file_stays_for_the_younger_of_preview_and_import(api: JSONClient, private_files: Path):
    preview = previewed(api, PLAIN)
    job = followed(preview)
    grow_old(preview["id"])

    assert (prune_import_files(), stored(private_files)) == (0, 1)
    assert api.get(f"{IMPORTS}{job.pk}/errors/").status_code == 200

    grow_old(job.pk)
    assert (prune_import_files(), stored(private_files)) == (1, 0)
