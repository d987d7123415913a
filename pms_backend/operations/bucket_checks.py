"""System checks that store a file in each bucket and ask for it as a stranger would: run by `check --deploy`."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from pms_backend import outbound

FOLDER: Final = "checks"
_BOUNDS: Final = outbound.Bounds(max_bytes=65_536, connect_seconds=3, read_seconds=5, total_seconds=8)


def check_buckets(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Finds keys that may not write, a public bucket that is not public, and a private one that is."""
    if not settings.STORAGE_BUCKET:
        return []
    found = list(_check("STORAGE_BUCKET", storages["default"], is_public=True))
    if settings.STORAGE_PRIVATE_BUCKET:
        found += _check("STORAGE_PRIVATE_BUCKET", storages["private"], is_public=False)
    return found


def _check(variable: str, storage: Storage, *, is_public: bool) -> Iterator[CheckMessage]:
    name = f"{FOLDER}/{uuid4()}"
    try:
        storage.save(name, ContentFile(b"stored by manage.py check --deploy"))
        try:
            yield from _public_problems(storage.url(name)) if is_public else _private_problems(storage.url(name), name)
        finally:
            storage.delete(name)
    # The exceptions of botocore and urllib3 have no common class.
    except Exception as error:
        reason = str(error).partition("\n")[0]
        yield Error(f"{variable}: a file cannot be stored, read and deleted with STORAGE_*: {reason}", id="pms.E030")


def _public_problems(url: str) -> Iterator[CheckMessage]:
    if not _is_answered(url):
        yield Error(
            "STORAGE_BUCKET must be a bucket that everybody may read, at STORAGE_PUBLIC_URL where that is set: "
            f"GET {url} is not 200.",
            id="pms.E031",
        )


def _private_problems(signed_url: str, name: str) -> Iterator[CheckMessage]:
    for url in anonymous_addresses(signed_url.partition("?")[0], name):
        if _is_answered(url):
            yield Error(
                f"STORAGE_PRIVATE_BUCKET must be a bucket that nobody else may read: GET {url} without keys is 200.",
                id="pms.E032",
            )


def anonymous_addresses(url: str, name: str) -> list[str]:
    """Where a stranger would ask for the file `name` of the private bucket, at `url` for us, and for a list of all."""
    bucket = url.removesuffix(name)
    addresses = [url, f"{bucket}?list-type=2&max-keys=1"]
    # Supabase serves the files of its public buckets at another path.
    if "/storage/v1/s3/" in url:
        addresses.append(url.replace("/storage/v1/s3/", "/storage/v1/object/public/", 1))
    return addresses


def _is_answered(url: str) -> bool:
    try:
        return outbound.fetch(url, bounds=_BOUNDS, may_be_private=True).status == HTTPStatus.OK
    except outbound.OutboundError:
        return False
