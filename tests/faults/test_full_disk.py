"""A full disk: an upload is 507, nothing is half-written, and everything works again once there is space."""

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import UnreadablePostError
from django.urls import reverse

from inventory.models import StockLevel
from pms_backend.api.exceptions import problem_of
from pms_backend.events.models import Event
from pms_integration.models import ImportJob
from products import services, tasks
from products.models import ImageFile, ImageStatus, Product, ProductImage
from tests.conftest import JSONClient
from tests.factories import make_location, make_product
from tests.faults.small_disk import SmallDisk, small_disk
from tests.outbound.servers import Names, saying, serving
from tests.products.pictures import file_of, make_image, picture, post_file
from tests.products.test_admin_images import send
from tests.staff import superuser

pytestmark = pytest.mark.django_db(transaction=True)

IMPORTS = "/api/v1/products/imports/"
# Longer than Django's limit for memory, so that it is spooled to disk while it is received.
SPOOLED = b"Handle,Title,Variant SKU\n" + b"lamp,Lamp,A-9\n" * 200_000
SMALL = b"Handle,Title,Variant SKU\nlamp,Lamp,A-9\n"


@pytest.fixture
def disk(tmp_path: Path, settings: Any) -> Iterator[SmallDisk]:
    """The disk of stored files and spooled bodies."""
    with small_disk(tmp_path / "disk") as disk:
        for name, setting in (("media", "MEDIA_ROOT"), ("spool", "FILE_UPLOAD_TEMP_DIR")):
            (disk.path / name).mkdir()
            setattr(settings, setting, disk.path / name)
        yield disk


@pytest.fixture
def product() -> Product:
    return make_product("A-1", status="active")


def assert_no_room(response: Any) -> None:
    assert (response.status_code, response["Content-Type"]) == (507, "application/problem+json"), response.content
    problem = response.json()
    assert (problem["code"], problem["title"]) == ("insufficient_storage", "Insufficient Storage")
    assert "no space left" in problem["detail"]
    assert "Errno" not in problem["detail"]


def noise() -> bytes:
    """A picture that is too large for Django to hold in memory."""
    return picture("PNG").ljust(4 * 1024 * 1024, b"\0")


@pytest.mark.parametrize("content", [picture(), noise()], ids=["in memory", "spooled"])
def test_a_picture_is_507_and_may_be_sent_again_with_its_key(
    api: JSONClient, product: Product, disk: SmallDisk, content: bytes, caplog: pytest.LogCaptureFixture
):
    before = Event.objects.count()
    disk.fill()

    response = post_file(api, product, content, headers={"Idempotency-Key": "a"})

    assert_no_room(response)
    assert disk.files() == []
    assert (ProductImage.objects.count(), ImageFile.objects.count(), Event.objects.count()) == (0, 0, before)
    assert [record.exc_info for record in caplog.records] == [None]
    disk.free()
    assert post_file(api, product, content, headers={"Idempotency-Key": "a"}).status_code == 201


@pytest.mark.parametrize("content", [SMALL, SPOOLED], ids=["in memory", "spooled"])
def test_a_file_to_import_is_507(api: JSONClient, disk: SmallDisk, content: bytes):
    make_location("main")
    disk.fill()
    data = {"file": SimpleUploadedFile("a.csv", content, "text/csv")}

    response = api.post(IMPORTS, data, format="multipart", headers={"Idempotency-Key": "a"})

    assert_no_room(response)
    assert disk.files() == []
    assert not ImportJob.objects.exists()
    disk.free()
    data = {"file": SimpleUploadedFile("a.csv", content, "text/csv")}
    assert api.post(IMPORTS, data, format="multipart", headers={"Idempotency-Key": "a"}).status_code == 202


def test_a_file_that_no_longer_fits_leaves_no_part_of_it(api: JSONClient, disk: SmallDisk):
    make_location("main")
    data = {"file": SimpleUploadedFile("a.csv", SPOOLED * 4, "text/csv")}

    assert_no_room(api.post(IMPORTS, data, format="multipart"))

    assert disk.files() == []


def test_an_upload_in_the_admin_shows_the_problem(product: Product, disk: SmallDisk):
    client = superuser()
    client.raise_request_exception = False
    before = Product.objects.values_list("version", flat=True).get()
    disk.fill()

    kept = send(client, product, name="Another", new_images=[file_of(picture(), "a.jpg")])
    spooled = send(client, product, name="Another", new_images=[file_of(noise(), "a.png")])

    errors = kept.context["adminform"].form.errors["new_images"]
    assert errors == ["a.jpg: The storage of files has no space left; nothing was written."]
    assert (spooled.status_code, spooled["Content-Type"]) == (507, "text/html; charset=utf-8")
    assert b"no space left" in spooled.content
    assert disk.files() == []
    assert Product.objects.values_list("version", flat=True).get() == before


def test_an_import_in_the_admin_shows_the_problem(disk: SmallDisk):
    make_location("main")
    client = superuser()
    client.raise_request_exception = False
    url = reverse("admin:pms_integration_importjob_import_file")
    disk.fill()

    kept = client.post(url, {"file": SimpleUploadedFile("a.csv", SMALL)})
    spooled = client.post(url, {"file": SimpleUploadedFile("a.csv", SPOOLED)})

    assert b"no space left" in kept.content
    assert spooled.status_code == 507
    assert not ImportJob.objects.exists()
    assert disk.files() == []


def test_a_picture_to_be_fetched_waits_for_space(
    product: Product, disk: SmallDisk, settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    Names(monkeypatch).set("shop.example", ["127.0.0.1"])
    settings.OUTBOUND_ALLOW = ["shop.example"]
    with serving(saying(picture())) as server:
        image, _ = services.add_image_url(product_id=product.pk, url=f"http://shop.example:{server.port}/a.jpg")
        disk.fill()
        assert tasks.fetch_images() == 1
        assert tasks.fetch_images() == 0

    image.refresh_from_db()
    assert (image.status, image.attempts) == (ImageStatus.PENDING, 1)
    assert "no space left" in image.error
    assert (disk.files(), caplog.records) == ([], [])


def test_a_thumbnail_waits_for_space(product: Product, disk: SmallDisk):
    make_image(product)
    disk.fill()

    assert tasks.make_thumbnails() == 1
    assert tasks.make_thumbnails() == 0

    assert ImageFile.objects.get().thumbnail_due_at is not None
    assert [name for name in disk.files() if name.startswith("media/thumbnails")] == []


@pytest.fixture
def full_table(transactional_db: None) -> Iterator[SmallDisk]:
    """The real server's ledger on a disk of its own, where the server is on this machine and lets us move it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('data_directory', true), current_setting('is_superuser')")
        data, is_superuser = cursor.fetchone()
    if is_superuser != "on" or not Path(data or "/nowhere").exists():
        pytest.skip("This PostgreSQL is elsewhere, or lets us make no tablespace.")
    with tempfile.TemporaryDirectory(prefix="pms-tests-") as parent:
        Path(parent).chmod(0o755)
        with small_disk(Path(parent, "disk")) as disk:
            (disk.path / "tables").mkdir()
            owner = Path(data).stat()
            os.chown(disk.path / "tables", owner.st_uid, owner.st_gid)
            with connection.cursor() as cursor:
                cursor.execute("CREATE TABLESPACE full_disk LOCATION %s", [str(disk.path / "tables")])
                cursor.execute("ALTER TABLE inventory_stockmovement SET TABLESPACE full_disk")
                yield disk
                cursor.execute("ALTER TABLE inventory_stockmovement SET TABLESPACE pg_default")
                cursor.execute("DROP TABLESPACE full_disk")


def test_a_full_disk_of_the_database_is_507(api: JSONClient, full_table: SmallDisk, caplog: pytest.LogCaptureFixture):
    make_product("A-1")
    make_location("main")
    before = Event.objects.count()
    change = {"sku": "A-1", "location": "main", "delta": 1, "reason": "receipt"}
    full_table.fill()

    response = api.post("/api/v1/inventory/adjustments/", change, headers={"Idempotency-Key": "a"})

    assert_no_room(response)
    assert (StockLevel.objects.count(), Event.objects.count()) == (0, before)
    assert [record.exc_info for record in caplog.records] == [None]
    full_table.free()
    again = api.post("/api/v1/inventory/adjustments/", change, headers={"Idempotency-Key": "a"})
    assert (again.status_code, StockLevel.objects.get().on_hand) == (201, 1)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_each_errno_of_a_full_disk_is_the_same_problem(number: int):
    assert (problem_of(OSError(number, "x")).status, problem_of(UnreadablePostError(number, "x")).status) == (507, 507)
    assert problem_of(OSError(errno.EIO, "x")).status == 500
