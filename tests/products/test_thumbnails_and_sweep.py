"""Background work on pictures: thumbnails are made, unused files deleted."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone

from products import services, tasks
from products.exceptions import StorageUnavailable
from products.images.limits import MAX_THUMBNAIL_ATTEMPTS, SWEEP_GRACE
from products.models import ImageFile, ImageUpload, Product
from products.services import image_files, thumbnails
from products.services.image_files import get_or_create_file, store_picture
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_product
from tests.products.pictures import images_url, make_image, opened, picture
from tests.products.recorded import recorded

pytestmark = pytest.mark.django_db

OLD = SWEEP_GRACE + timedelta(minutes=1)


@pytest.fixture
def product() -> Product:
    return make_product("A-1")


def age(name: str, by: timedelta = OLD) -> None:
    """Makes a file as old as that."""
    then = time.time() - by.total_seconds()
    os.utime(default_storage.path(name), (then, then))


def age_unused(by: timedelta = OLD) -> None:
    ImageFile.objects.exclude(unused_since=None).update(unused_since=timezone.now() - by)


def make_due() -> None:
    ImageFile.objects.exclude(thumbnail_due_at=None).update(thumbnail_due_at=timezone.now())


def test_a_thumbnail_is_made_and_shown(editor: JSONClient, product: Product):
    stored = store_picture(data=picture(size=(2000, 1000)))
    services.add_image(product_id=product.pk, stored=stored)
    before = recorded()

    assert tasks.make_thumbnails() == 1

    (shown,) = editor.get(images_url(product)).json()["results"]
    file = ImageFile.objects.get()
    assert shown["thumbnail_url"] == f"http://testserver/media/{file.thumbnail.name}"
    with default_storage.open(file.thumbnail.name) as thumbnail:
        assert opened(thumbnail.read()).size == (480, 240)
    assert (tasks.make_thumbnails(), recorded()) == (0, before)


def test_a_thumbnail_that_fails_is_given_up_after_a_number_of_attempts(product: Product):
    make_image(product)
    file = ImageFile.objects.get()
    default_storage.delete(file.file.name)

    for attempt in range(1, MAX_THUMBNAIL_ATTEMPTS + 1):
        assert tasks.make_thumbnails() == 1
        file.refresh_from_db()
        assert file.thumbnail_attempts == attempt
        assert (file.thumbnail_due_at is None) == (attempt == MAX_THUMBNAIL_ATTEMPTS)
        make_due()

    assert tasks.make_thumbnails() == 0
    assert file.thumbnail.name == ""


def test_a_picture_that_kills_its_worker_is_given_up_too(product: Product):
    make_image(product)

    for _ in range(MAX_THUMBNAIL_ATTEMPTS):
        assert thumbnails.lease_next_thumbnail() is not None
        make_due()

    assert thumbnails.lease_next_thumbnail() is None


def test_a_second_thumbnail_of_one_picture_is_removed(product: Product, media_root: Path):
    make_image(product)
    first = thumbnails.lease_next_thumbnail()
    make_due()
    second = thumbnails.lease_next_thumbnail()

    thumbnails._make(first)
    thumbnails._make(second)

    assert [path.name for path in media_root.glob("thumbnails/*/*")] == [
        ImageFile.objects.get().thumbnail.name.rpartition("/")[2]
    ]


def test_content_that_no_product_shows_is_deleted_after_a_while(product: Product):
    image = make_image(product)
    kept = make_image(product, "blue").image_file
    tasks.make_thumbnails()
    file = ImageFile.objects.exclude(pk=kept.pk).get()
    services.delete_image(product_id=product.pk, image_id=image.pk)

    assert tasks.sweep_unused_images() == 0
    age_unused(SWEEP_GRACE - timedelta(minutes=1))
    assert tasks.sweep_unused_images() == 0
    age_unused()
    assert tasks.sweep_unused_images() == 1

    assert ImageFile.objects.get() == kept
    assert not default_storage.exists(file.file.name)
    assert not default_storage.exists(file.thumbnail.name)
    assert default_storage.exists(kept.file.name)


def test_content_that_is_shown_again_stays(product: Product):
    image = make_image(product)
    services.delete_image(product_id=product.pk, image_id=image.pk)
    tasks.sweep_unused_images()
    age_unused()

    make_image(product)
    assert ImageFile.objects.get().unused_since is None
    assert tasks.sweep_unused_images() == 0

    assert default_storage.exists(ImageFile.objects.get().file.name)


@pytest.mark.django_db(transaction=True)
def test_content_that_a_transaction_uses_again_is_not_swept(product: Product):
    image = make_image(product)
    services.delete_image(product_id=product.pk, image_id=image.pk)
    services.sweep_unused_images()
    age_unused()
    stored = store_picture(data=picture(color="red"))

    with transaction.atomic():
        held = get_or_create_file(stored)
        (swept,) = at_once([_sweep])
        services.add_image(product_id=product.pk, stored=stored)

    assert swept == 0
    assert default_storage.exists(held.file.name)
    assert ImageFile.objects.get() == held


@pytest.mark.django_db(transaction=True)
def test_content_that_is_stored_while_it_is_swept_is_there(product: Product, monkeypatch: pytest.MonkeyPatch):
    image = make_image(product)
    services.delete_image(product_id=product.pk, image_id=image.pk)
    services.sweep_unused_images()
    age_unused()
    delete = image_files.delete_file

    def upload_between(name: str) -> None:
        if Product.objects.filter(pk=product.pk, images=None).exists():
            make_image(product)
        delete(name)

    monkeypatch.setattr("products.services.image_sweep.delete_file", upload_between)

    assert services.sweep_unused_images() == 1

    assert default_storage.exists(ImageFile.objects.get().file.name)


def _sweep() -> int:
    try:
        return services.sweep_unused_images()
    finally:
        connection.close()


def test_files_that_no_row_names_are_deleted_after_a_while(product: Product, media_root: Path):
    kept = make_image(product).image_file
    tasks.make_thumbnails()
    kept.refresh_from_db()
    stray, young = (store_picture(data=picture(color=color)).name for color in ("blue", "green"))
    default_storage.save("uploads/abandoned", ContentFile(b"x"))
    half = default_storage.path(stray) + ".0123.part"
    Path(half).write_bytes(b"half")
    for name in (kept.file.name, kept.thumbnail.name, stray, "uploads/abandoned", f"{stray}.0123.part"):
        age(name)

    assert tasks.sweep_stray_files() == 3

    there = sorted(path.relative_to(media_root).as_posix() for path in media_root.rglob("*") if path.is_file())
    assert there == sorted([kept.file.name, kept.thumbnail.name, young])


def test_unused_uploads_are_deleted():
    for number, expires_at in enumerate([timezone.now() - OLD, timezone.now()]):
        ImageUpload.objects.create(
            public_id=str(number), identity="client:x", name="uploads/x", size_bytes=1, expires_at=expires_at
        )

    tasks.sweep_stray_files()

    assert [upload.public_id for upload in ImageUpload.objects.all()] == ["1"]


def test_a_storage_that_cannot_delete_fails_no_sweep(product: Product, monkeypatch: pytest.MonkeyPatch):
    image = make_image(product)
    services.delete_image(product_id=product.pk, image_id=image.pk)
    services.sweep_unused_images()
    age_unused()
    monkeypatch.setattr(type(default_storage._wrapped), "delete", _fail)

    assert tasks.sweep_unused_images() == 1
    assert not ImageFile.objects.exists()


def _fail(*_: Any) -> None:
    raise OSError("read-only")


def test_a_file_appears_only_when_it_is_complete(monkeypatch: pytest.MonkeyPatch, media_root: Path):
    monkeypatch.setattr(Path, "replace", _fail)

    with pytest.raises(StorageUnavailable):
        store_picture(data=picture())

    assert [path for path in media_root.rglob("*") if path.is_file()] == []


def test_every_task_is_scheduled():
    scheduled = {entry["task"] for entry in django_settings.CELERY_BEAT_SCHEDULE.values()}

    assert {
        f"products.tasks.{name}"
        for name in ("fetch_images", "make_thumbnails", "sweep_unused_images", "sweep_stray_files")
    } <= scheduled
