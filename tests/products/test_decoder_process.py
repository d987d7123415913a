"""The decoder process: its imports, its limits, and how it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

import pytest
from PIL import Image, ImageCms

from products.exceptions import ImageDecoderBusy, ImageTooCostly, ImageTooLarge, ImageUnreadable
from products.images import decoding
from products.images.decoding import make_thumbnail, rewrite
from products.images.limits import (
    DECODER_BYTES,
    DECODER_CPU_SECONDS,
    DECODER_NICENESS,
    DECODER_SECONDS,
    FETCH_LEASE,
    MAX_IMAGE_PIXELS,
)
from products.services.image_fetching import BOUNDS
from tests.flows.stack import ROOT
from tests.products.pictures import picture
from tests.web_process import command_of, descendants

LARGEST: Final = (7_071, 7_071)
WAIT_SECONDS: Final = 30


def instead(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Replaces the program of the decoder; it can use the module `decoder` and its `main`."""
    head = "import os, signal, sys, time\nfrom products.images import content, decoder\n"
    tail = "\ndecoder.main(*sys.argv[1:])\n"
    monkeypatch.setattr(decoding, "PROGRAM", ("-c", head + source + tail))


def test_it_does_not_import_django_and_inherits_no_secrets():
    command = (sys.executable, "-S", "-P", "-c", "import sys, products.images.decoder; print(*sys.modules)")
    environment = decoding._environment()

    modules = subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout.split()

    assert "PIL.Image" in modules
    assert [name for name in modules if name.split(".")[0] in ("django", "rest_framework", "pms_backend")] == []
    assert set(environment) == {"PYTHONPATH", "MALLOC_ARENA_MAX"}


@pytest.mark.parametrize(
    ("format", "mode", "size"),
    [("PNG", "RGBA", LARGEST),
     *(pytest.param(*values, marks=pytest.mark.slow) for values in (
         ("JPEG", "CMYK", LARGEST), ("GIF", "RGB", LARGEST), ("WEBP", "RGB", LARGEST), ("WEBP", "RGBA", (5_500, 5_500)),
     ))],
)  # fmt: skip
def test_the_largest_picture_fits_into_memory_with_every_conversion(format: str, mode: str, size: tuple[int, int]):
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    more = {} if format == "GIF" else {"exif": exif} | ({"icc_profile": profile} if mode != "CMYK" else {})
    options = {"method": 0} if format == "WEBP" else {"compress_level": 1} if format == "PNG" else {}
    color = {"CMYK": (0, 9, 9, 0), "RGBA": (9, 0, 0, 99), "RGB": (9, 0, 0)}[mode]

    stored = rewrite(picture(format, size, color, mode, **more, **options))
    make_thumbnail(stored.content)

    assert (stored.width, stored.height) == size
    assert LARGEST[0] * LARGEST[1] > 0.99 * MAX_IMAGE_PIXELS


def test_the_limits_are_those_of_the_guide():
    assert (DECODER_BYTES, DECODER_CPU_SECONDS, DECODER_SECONDS) == (1_200_000_000, 45, 90)
    assert BOUNDS.total_seconds + 2 * DECODER_SECONDS < FETCH_LEASE.total_seconds()


@pytest.mark.parametrize(
    ("format", "megabytes"), [("JPEG", 90), ("PNG", 90), ("GIF", 90), ("WEBP", 350), ("AVIF", 120)]
)
def test_what_takes_more_memory_is_refused(format: str, megabytes: int, monkeypatch: pytest.MonkeyPatch):
    data = picture(format, (5_000, 5_000), **({"speed": 10} if format == "AVIF" else {}))
    instead(monkeypatch, f"decoder.DECODER_BYTES = {megabytes} * 1024**2")

    for decode in (rewrite, make_thumbnail) if format != "JPEG" else (rewrite,):  # whose thumbnail takes little
        with pytest.raises(ImageTooCostly):
            decode(data)


def test_what_takes_more_time_is_refused(monkeypatch: pytest.MonkeyPatch):
    instead(monkeypatch, "decoder.DECODER_CPU_SECONDS = 1\ncontent._loaded = lambda data: [None for _ in iter(int, 1)]")

    with pytest.raises(ImageTooCostly):
        rewrite(picture())


def test_one_that_does_not_end_in_time_is_busy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(decoding, "DECODER_SECONDS", 0.5)
    instead(monkeypatch, "content._loaded = lambda data: time.sleep(60)")

    with pytest.raises(ImageDecoderBusy):
        rewrite(picture())

    assert [pid for pid in descendants(os.getpid()) if is_decoder(pid)] == []


def test_one_that_cannot_be_started_is_busy(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", fail)

    with pytest.raises(ImageDecoderBusy):
        rewrite(picture())


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGSEGV, ImageUnreadable), (signal.SIGABRT, ImageUnreadable), (signal.SIGKILL, ImageTooCostly)],
)
def test_a_picture_that_kills_its_decoder_is_refused(number: int, error: type, monkeypatch: pytest.MonkeyPatch):
    instead(monkeypatch, f"content._loaded = lambda data: os.kill(os.getpid(), {int(number)})")

    with pytest.raises(error):
        rewrite(picture())


def test_an_internal_error_is_not_blamed_on_the_picture(monkeypatch: pytest.MonkeyPatch):
    instead(monkeypatch, "raise LookupError('our fault')")

    with pytest.raises(RuntimeError, match="our fault"):
        rewrite(picture())


def test_a_picture_that_grows_too_large_is_refused(monkeypatch: pytest.MonkeyPatch):
    instead(monkeypatch, "content.MAX_STORED_BYTES = 100")

    with pytest.raises(ImageTooLarge):
        rewrite(picture())


def is_decoder(pid: int) -> bool:
    return "decoder.main" in command_of(pid)


def test_it_has_low_priority_and_ends_with_its_parent():
    """The parent is a process of its own, which is killed while its decoder is at work."""
    source = (
        "import os; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'pms_backend.settings')\n"
        "from products.images import decoding\n"
        "decoding.PROGRAM = ('-c', 'import sys, time; from products.images import content, decoder; "
        "content._loaded = lambda data: time.sleep(60); decoder.main(*sys.argv[1:])')\n"
        "decoding.rewrite(b'')"
    )
    parent = subprocess.Popen((sys.executable, "-c", source), cwd=ROOT, stderr=subprocess.DEVNULL)
    decoder = wait_for(lambda: next((pid for pid in descendants(parent.pid) if is_nice(pid)), None))

    assert os.getpriority(os.PRIO_PROCESS, decoder) == DECODER_NICENESS
    parent.kill()
    parent.wait()

    wait_for(lambda: not Path(f"/proc/{decoder}").exists() or state_of(decoder) == "Z")


def is_nice(pid: int) -> bool:
    return is_decoder(pid) and os.getpriority(os.PRIO_PROCESS, pid) > 0


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def wait_for(look):
    ends_at = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < ends_at:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("It did not come.")


def test_several_threads_may_each_have_one():
    """The locks alone limit them: a process may decode for an upload and for a task."""
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(rewrite(picture()).width)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [64] * 3
