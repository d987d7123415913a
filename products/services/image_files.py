"""Stores the content of pictures, once for each digest."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from pms_backend.api.exceptions import DomainError, InsufficientStorage, is_disk_full
from pms_backend.events.wakeups import WakeUp
from products.exceptions import StorageUnavailable
from products.images.decoder_locks import UPLOAD_LOCK, DecoderLock
from products.images.decoding import Picture, rewrite
from products.images.header import check_header
from products.images.names import CONTENT_TYPES, IMAGES, new_name
from products.models import ImageFile

logger = logging.getLogger(__name__)

thumbnail_wake_up = WakeUp(task="products.tasks.make_thumbnails")


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A checked picture in the storage that belongs to no row yet."""

    sha256: str
    name: str
    width: int
    height: int
    size_bytes: int


def store_picture(*, data: bytes, lock: DecoderLock = UPLOAD_LOCK) -> StoredPicture:
    """Checks the content and writes it to the storage. It is slow, so never call it in a transaction.

    The sweep removes a file that no row uses afterwards.
    Raises `ImageTooLarge`, `ImageTypeUnsupported`, `ImagePolyglot`, `ImageTooManyPixels`, `ImageUnreadable`,
    `ImageTooCostly`, `ImageDecoderBusy`, `StorageUnavailable`, `InsufficientStorage`.
    """
    check_header(data)
    with lock.held():
        picture = rewrite(data)
    return _stored(picture)


def store_pictures(*, contents: Sequence[Callable[[], bytes]]) -> list[StoredPicture | DomainError | None]:
    """Stores several pictures, decoded one after another under one lock; each is read just before.

    A refused picture is represented by its error. If any is refused by its header, none is decoded, and None represents
    the others. Raises `ImageDecoderBusy`.
    """
    refused = [_refusal_of(read) for read in contents]
    if not contents or any(refused):
        return list(refused)
    with UPLOAD_LOCK.held():
        return [_rewritten(read) for read in contents]


def _refusal_of(read: Callable[[], bytes]) -> DomainError | None:
    try:
        check_header(read())
    except DomainError as error:
        return error
    return None


def _rewritten(read: Callable[[], bytes]) -> StoredPicture | DomainError:
    try:
        return _stored(rewrite(read()))
    except DomainError as error:
        return error


def _stored(picture: Picture) -> StoredPicture:
    name = new_name(IMAGES, picture.sha256, picture.extension)
    save_file(name, picture.content)
    return StoredPicture(picture.sha256, name, picture.width, picture.height, len(picture.content))


def save_file(name: str, content: bytes) -> None:
    """Writes a file. Never call it in a transaction."""
    file = ContentFile(content)
    # Some versions of Python do not know the type of WebP.
    file.content_type = CONTENT_TYPES[name.rpartition(".")[2]]  # type: ignore[attr-defined]  # read by django-storages
    with storage_errors():
        default_storage.save(name, file)


@contextmanager
def storage_errors() -> Iterator[None]:
    """Converts errors of a storage, except for a missing file, to `StorageUnavailable` and `InsufficientStorage`."""
    try:
        yield
    except (FileNotFoundError, DomainError):
        raise
    # The exceptions of disks, botocore and urllib3 have no common class.
    except Exception as error:
        if is_disk_full(error):
            raise InsufficientStorage(_("The storage of files has no space left; nothing was written.")) from error
        raise StorageUnavailable(_("The storage of files does not answer; nothing was written.")) from error


def delete_file(name: str) -> None:
    """Deletes a file. A failure is logged, not raised, since the sweep of stray files deletes it later."""
    try:
        default_storage.delete(name)
    except Exception:
        logger.exception("The file %s could not be deleted", name)


def get_or_create_file(stored: StoredPicture) -> ImageFile:
    """The row of this content, new or existing, locked until the end of the transaction.

    If the row exists already, the file that was just stored is deleted after the commit.
    """
    row = ImageFile(
        sha256=stored.sha256, file=stored.name, width=stored.width, height=stored.height, size_bytes=stored.size_bytes
    )
    ImageFile.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["sha256"], update_fields=["unused_since"]
    )
    file = ImageFile.objects.get(sha256=stored.sha256)
    if file.file.name != stored.name:
        transaction.on_commit(lambda: delete_file(stored.name), robust=True)
    if not file.thumbnail:
        thumbnail_wake_up.send_after_commit()
    return file
