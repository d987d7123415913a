"""Uploading a file: permissions, what is refused before anything is stored, and the responses."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils import timezone
from pytest_django.fixtures import Settings

from pms_backend.access.models import ApiClient
from pms_integration.files.limits import FILE_RETENTION_DAYS
from pms_integration.files.services import prune_import_files
from pms_integration.models import ImportJob
from tests.conftest import JSONClient
from tests.factories import make_location
from tests.pms_integration.files.importing import IMPORTS, counts, imported, post

pytestmark = pytest.mark.django_db

PLAIN = "Handle,Title,Variant Price\nlamp,Lamp,5\n"
STOCK = "Handle,Title,Variant Inventory Qty\nlamp,Lamp,5\n"


def stored(private_files: Path) -> list[Path]:
    return [path for path in private_files.rglob("*") if path.is_file()]


def assert_refused(answer: Any, status: int, code: str, private_files: Path) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not ImportJob.objects.exists()
    assert stored(private_files) == []


def test_an_upload_is_accepted_and_waits(api: JSONClient, private_files: Path):
    answer = post(api, PLAIN)

    assert answer.status_code == 202
    job = answer.json()
    assert {name: job[name] for name in ("status", "processed", "total", "errors", "warnings", "format")} == {
        "status": "pending", "processed": 0, "total": None, "errors": [], "warnings": [], "format": "csv",
    }  # fmt: skip
    assert [path.read_text() for path in stored(private_files)] == [PLAIN]


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", "{}"), ("a.NDJSON", "{}"), ("a.txt", ' {"a": 1}')])
def test_the_format_is_detected(api: JSONClient, name: str, content: str):
    assert post(api, content, name).json()["format"] == "jsonl"
    assert post(api, content, name, format="csv").json()["format"] == "csv"


def test_a_file_with_quantities_needs_the_scope_for_stock(client_with, private_files: Path):
    make_location()
    editor = client_with(["products:read", "products:write"])

    assert_refused(post(editor, STOCK), 403, "forbidden", private_files)
    assert counts(imported(editor, PLAIN)) == {"created": 1}
    assert counts(imported(client_with(["products:read", "products:write", "inventory:write"]), STOCK)) == {
        "updated": 1
    }


def test_without_a_location_quantities_are_a_warning(api: JSONClient):
    job = imported(api, STOCK)

    assert (counts(job), [one["code"] for one in job["warnings"]]) == ({"created": 1}, ["no_location"])


def test_an_unknown_location_is_refused(api: JSONClient, private_files: Path):
    make_location("closed", is_active=False)

    assert_refused(post(api, STOCK, location="nowhere"), 422, "unknown_location", private_files)
    assert_refused(post(api, STOCK, location="closed"), 409, "location_inactive", private_files)


def test_a_file_that_is_too_large_is_refused_by_its_length(api: JSONClient, private_files: Path, monkeypatch):
    monkeypatch.setattr("pms_integration.files.views.ImportViewSet.max_form_bytes", 300)
    assert_refused(post(api, PLAIN + "x" * 300), 413, "too_large", private_files)

    monkeypatch.setattr("pms_integration.files.services.jobs.MAX_FILE_BYTES", 10)
    assert_refused(post(api, "Handle\na,b,c,d"), 413, "too_large", private_files)


def test_a_body_that_is_not_multipart_is_refused(api: JSONClient, private_files: Path):
    assert_refused(api.post(IMPORTS, {"file": "x"}), 415, "unsupported_media_type", private_files)
    assert_refused(api.post(IMPORTS, {"other": "x"}, format="multipart"), 422, "validation_failed", private_files)


def test_with_an_idempotency_key_a_file_is_imported_once(api: JSONClient):
    first, second = (post(api, PLAIN, headers={"Idempotency-Key": "k-1"}) for _ in range(2))
    other = post(api, STOCK, headers={"Idempotency-Key": "k-1"})

    assert (first.status_code, first.json()["id"]) == (202, second.json()["id"])
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert ImportJob.objects.count() == 1


def test_an_unknown_import_is_404(api: JSONClient):
    assert api.get(f"{IMPORTS}1/").status_code == 404
    assert api.get(f"{IMPORTS}1/errors/").status_code == 404


def test_a_client_sees_its_own_imports_and_bad_rows_and_internal_callers_see_all(client_with, api: JSONClient):
    scopes = ["products:read", "products:write"]
    owner, other, storefront = client_with(scopes), client_with(scopes), client_with(scopes, tier="storefront")
    job = imported(owner, PLAIN.replace("5", "x"))
    address = f"{IMPORTS}{job['id']}/"

    def asked(client: JSONClient) -> list[int]:
        return [client.get(f"{address}{more}").status_code for more in ("", "errors/")]

    assert job["failed"] == 1
    assert (asked(owner), asked(api)) == ([200, 200], [200, 200])
    # As one that does not exist.
    assert asked(other) == [404, 404]
    assert other.get(address).json()["code"] == api.get(f"{IMPORTS}{job['id'] + 1}/").json()["code"]
    assert asked(storefront) == [403, 403]
    prefix = owner._credentials["HTTP_X_API_KEY"].partition(".")[0]
    assert ImportJob.objects.get().client == f"client:{ApiClient.objects.get(keys__prefix=prefix).public_id}"


def test_staff_see_every_import_and_own_those_they_started(client_with, admin_client, admin_user):
    job = imported(client_with(["products:read", "products:write"]), PLAIN)
    own = post(admin_client, PLAIN)

    assert admin_client.get(f"{IMPORTS}{job['id']}/").status_code == 200
    assert ImportJob.objects.get(pk=own.json()["id"]).client == f"user:{admin_user.pk}"


def test_an_import_without_a_client_is_visible_to_internal_callers_only(client_with, api: JSONClient):
    """Imports created before clients were stored."""
    owner = client_with(["products:read", "products:write"])
    job = imported(owner, PLAIN)
    ImportJob.objects.update(client="")

    assert owner.get(f"{IMPORTS}{job['id']}/").status_code == 404
    assert api.get(f"{IMPORTS}{job['id']}/").status_code == 200


def test_the_response_has_the_first_errors_and_counts_the_others(api: JSONClient):
    rows = "".join(f"lamp-{number},Lamp,x\n" for number in range(150))

    job = imported(api, f"Handle,Title,Variant Price\n{rows}")

    assert (job["failed"], job["error_count"], len(job["errors"])) == (150, 150, 100)
    assert [one["line"] for one in job["errors"]] == list(range(2, 102))


def test_files_are_removed_some_days_after_their_import(api: JSONClient, private_files: Path):
    job = imported(api, PLAIN.replace("5", "x"))
    waiting = post(api, PLAIN).json()
    ImportJob.objects.filter(pk=job["id"]).update(
        finished_at=timezone.now() - timedelta(days=FILE_RETENTION_DAYS, hours=1)
    )

    removed = prune_import_files()

    gone = api.get(f"{IMPORTS}{job['id']}/errors/")
    assert (removed, gone.status_code, gone.json()["code"]) == (1, 410, "import_file_gone")
    assert len(api.get(f"{IMPORTS}{job['id']}/").json()["errors"]) == 1
    assert [path.name for path in stored(private_files)] == [
        Path(ImportJob.objects.get(pk=waiting["id"]).file.name).name
    ]


def test_a_file_without_an_import_is_removed_after_a_day(private_files: Path, monkeypatch):
    storages["private"].save("imports/orphan.csv", ContentFile(b"x"))
    assert prune_import_files() == 0

    monkeypatch.setattr("pms_integration.files.services.jobs.ORPHANED_AFTER", timedelta(seconds=-1))

    assert prune_import_files() == 1
    assert stored(private_files) == []


def test_a_file_is_stored_where_nothing_is_served(api: JSONClient, private_files: Path, settings: Settings):
    post(api, PLAIN)

    [path] = stored(private_files)
    assert not path.is_relative_to(settings.MEDIA_ROOT)
    assert api.get(f"/media/{ImportJob.objects.get().file.name}").status_code == 404
