"""One picture is decoded at a time: the responses to concurrent requests meanwhile."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from pms_backend.api.exceptions import RETRY_AFTER_SECONDS
from products import services, tasks
from products.exceptions import ImageDecoderBusy
from products.images import decoder_locks
from products.images.decoder_locks import DecoderLock
from products.images.limits import MAX_IMAGE_BYTES, UPLOAD_WAIT_SECONDS
from products.models import ImageFile, ImageStatus, Product, ProductImage
from tests.conftest import JSONClient
from tests.factories import make_product
from tests.outbound.servers import Names, saying, serving
from tests.products.pictures import file_of, make_image, picture, png_bomb, post_file
from tests.products.recorded import recorded
from tests.products.test_admin_images import send
from tests.staff import superuser

pytestmark = pytest.mark.django_db


@pytest.fixture
def product() -> Product:
    return make_product("A-1", status="active")


@pytest.fixture(autouse=True)
def run_dir(settings: Any, tmp_path: Path) -> Path:
    """Locks of this test alone."""
    settings.RUN_DIR = tmp_path / "run"
    return tmp_path / "run"


@contextmanager
def held_elsewhere(lock: DecoderLock) -> Iterator[None]:
    """Holds the lock as another process would: the file is opened separately."""
    settings.RUN_DIR.mkdir(exist_ok=True)
    file = os.open(settings.RUN_DIR / lock.name, os.O_RDWR | os.O_CREAT)
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(file)


def files(media_root: Path) -> list[Path]:
    return [path for path in media_root.rglob("*") if path.is_file()]


@pytest.mark.django_db(transaction=True)
def test_an_upload_is_refused_while_another_is_decoded_and_leaves_nothing(
    editor: JSONClient, product: Product, media_root: Path
):
    before = recorded()

    with held_elsewhere(decoder_locks.UPLOAD_LOCK):
        response = post_file(editor, product, picture(), headers={"Idempotency-Key": "a"})

    assert (response.status_code, response.json()["code"]) == (503, "image_decoder_busy")
    assert response["Retry-After"] == str(RETRY_AFTER_SECONDS)
    assert (recorded(), files(media_root)) == (before, [])
    assert not ProductImage.objects.exists()
    assert post_file(editor, product, picture(), headers={"Idempotency-Key": "a"}).status_code == 201


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<svg/>", "image_type_unsupported"),
        (picture() + b"<script>", "image_polyglot"),
        (png_bomb(60_000, 60_000), "image_too_many_pixels"),
        (picture().ljust(MAX_IMAGE_BYTES + 1, b"\0"), "image_too_large"),
    ],
    ids=range(4),
)
def test_an_invalid_file_is_refused_at_once_while_another_picture_is_decoded(
    editor: JSONClient, product: Product, content: bytes, code: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(time, "sleep", None)

    with held_elsewhere(decoder_locks.UPLOAD_LOCK):
        response = post_file(editor, product, content)

    assert (response.status_code, response.json()["code"]) == (422, code)


def test_an_upload_waits_for_a_moment(editor: JSONClient, product: Product, monkeypatch: pytest.MonkeyPatch):
    with held_elsewhere(decoder_locks.UPLOAD_LOCK) as _, monkeypatch.context() as patch:
        lock, tries = decoder_locks._acquire, []

        def lock_that_comes(file: int) -> bool:
            tries.append(file)
            return len(tries) > 3 or lock(file)

        patch.setattr(decoder_locks, "_acquire", lock_that_comes)
        response = post_file(editor, product, picture())

    assert (response.status_code, len(tries)) == (201, 4)
    assert UPLOAD_WAIT_SECONDS < 1


def test_one_thread_of_a_process_waits_and_others_are_refused_at_once():
    lock = DecoderLock("test.lock", wait_seconds=60)
    outcomes: list[str] = []

    def wait() -> None:
        with lock.held():
            outcomes.append("held")

    with held_elsewhere(lock):
        thread = threading.Thread(target=wait)
        thread.start()
        while not lock._waiting.locked():
            time.sleep(0.01)
        with pytest.raises(ImageDecoderBusy), lock.held():
            pass
        assert outcomes == []
    thread.join()

    assert outcomes == ["held"]
    with lock.held(wait=False):
        pass


def test_a_lock_is_released_when_its_process_is_killed(run_dir: Path):
    run_dir.mkdir()
    lock = DecoderLock("test.lock", wait_seconds=60)
    source = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(1, flush=True); time.sleep(60)"
    )
    command = (sys.executable, "-c", source, str(run_dir / lock.name))
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(ImageDecoderBusy), lock.held(wait=False):
            pass
        holder.send_signal(signal.SIGKILL)

    with lock.held(wait=False):
        pass


def test_a_lock_is_released_by_an_exception():
    lock = DecoderLock("test.lock", wait_seconds=0)

    with pytest.raises(LookupError), lock.held():
        raise LookupError

    with lock.held(wait=False):
        pass


def test_an_import_s_pictures_block_no_upload_and_an_upload_blocks_none_of_them(
    editor: JSONClient, product: Product, monkeypatch: pytest.MonkeyPatch, settings: Any
):
    Names(monkeypatch).set("shop.example", ["127.0.0.1"])
    settings.OUTBOUND_ALLOW = ["shop.example"]
    with serving(saying(picture(color="blue"))) as server, held_elsewhere(decoder_locks.UPLOAD_LOCK):
        image, _ = services.add_image_url(product_id=product.pk, url=f"http://shop.example:{server.port}/a.jpg")
        tasks.fetch_images()
        assert tasks.make_thumbnails() == 1

    image.refresh_from_db()
    assert image.status == ImageStatus.READY
    assert image.image_file.thumbnail
    with held_elsewhere(decoder_locks.BACKGROUND_LOCK):
        assert post_file(editor, product, picture()).status_code == 201


def test_a_thumbnail_waits_for_the_next_sweep_and_counts_no_attempt(product: Product):
    make_image(product)

    with held_elsewhere(decoder_locks.BACKGROUND_LOCK):
        assert tasks.make_thumbnails() == 0

    assert ImageFile.objects.get().thumbnail_attempts == 0
    assert tasks.make_thumbnails() == 1


def test_a_picture_that_was_fetched_and_finds_the_decoder_busy_is_tried_again(
    product: Product, settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    Names(monkeypatch).set("shop.example", ["127.0.0.1"])
    settings.OUTBOUND_ALLOW = ["shop.example"]
    monkeypatch.setattr(decoder_locks.BACKGROUND_LOCK, "_wait_seconds", 0)
    with serving(saying(picture())) as server, held_elsewhere(decoder_locks.BACKGROUND_LOCK):
        image, _ = services.add_image_url(product_id=product.pk, url=f"http://shop.example:{server.port}/a.jpg")
        tasks.fetch_images()

    image.refresh_from_db()
    assert (image.status, image.attempts) == (ImageStatus.PENDING, 1)
    assert image.next_attempt_at is not None
    assert caplog.records == []


def test_a_page_of_the_admin_shows_the_error_and_keeps_the_form(product: Product, media_root: Path):
    client = superuser()
    before = recorded()

    with held_elsewhere(decoder_locks.UPLOAD_LOCK):
        response = send(client, product, name="Another name", new_images=[file_of(picture(), "a.jpg")])

    assert response.status_code == 200
    form = response.context["adminform"].form
    assert form.errors["new_images"] == ["Another picture is being decoded; send this one again in a moment."]
    assert form["name"].value() == "Another name"
    assert (recorded(), files(media_root)) == (before, [])
    assert not ProductImage.objects.exists()


def test_the_pictures_of_one_page_are_decoded_under_one_lock(product: Product, monkeypatch: pytest.MonkeyPatch):
    held: list[int] = []
    lock = decoder_locks._acquire
    monkeypatch.setattr(decoder_locks, "_acquire", lambda file: (held.append(file), lock(file))[1])
    colors = ("red", "green", "blue")

    response = send(superuser(), product, new_images=[file_of(picture(color=one), f"{one}.jpg") for one in colors])

    assert (response.status_code, len(held)) == (302, 1)
    assert product.images.count() == 3


def test_a_page_without_pictures_needs_no_lock(product: Product):
    with held_elsewhere(decoder_locks.UPLOAD_LOCK):
        assert send(superuser(), product, name="Another name").status_code == 302


def test_a_page_names_an_invalid_file_while_another_picture_is_decoded(product: Product):
    with held_elsewhere(decoder_locks.UPLOAD_LOCK):
        response = send(superuser(), product, new_images=[file_of(picture(), "a.jpg"), file_of(b"<svg/>", "b.jpg")])

    errors = response.context["adminform"].form.errors["new_images"]
    assert errors == ["b.jpg: A picture is a JPEG, PNG, WebP, GIF or AVIF; this is none of them."]


def test_a_page_with_a_damaged_picture_names_it(product: Product):
    images = [file_of(picture(), "a.jpg"), file_of(picture()[:300], "b.jpg")]

    response = send(superuser(), product, new_images=images)

    assert response.context["adminform"].form.errors["new_images"] == ["b.jpg: The picture is damaged or incomplete."]
    assert not ProductImage.objects.exists()
