"""The content of pictures: stored under a name of its own, known by its digest, kept once."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

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
    """A checked picture that lies in the storage, but belongs to no row yet."""

    sha256: str
    name: str
    width: int
    height: int
    size_bytes: int


def store_picture(*, data: bytes, lock: DecoderLock = UPLOAD_LOCK) -> StoredPicture:
    """Checks the content and writes it to the storage. Slow, and it leaves the machine: not in a transaction.

    What comes to nothing afterwards is swept.
    Raises `ImageTooLarge`, `ImageTypeUnsupported`, `ImagePolyglot`, `ImageTooManyPixels`, `ImageUnreadable`,
    `ImageTooCostly`, `ImageDecoderBusy`, `StorageUnavailable`, `InsufficientStorage`.
    """
    check_header(data)
    with lock.held():
        picture = rewrite(data)
    return _stored(picture)


def store_pictures(*, contents: Sequence[Callable[[], bytes]]) -> list[StoredPicture | DomainError | None]:
    """Stores several pictures, decoded one after another under one lock; each is read when it is its turn.

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
    """Writes a file. Not in a transaction."""
    file = ContentFile(content)
    # Not every Python knows WebP's.
    file.content_type = CONTENT_TYPES[name.rpartition(".")[2]]  # type: ignore[attr-defined]  # django-storages' own
    with asking_the_storage():
        default_storage.save(name, file)


@contextmanager
def asking_the_storage() -> Iterator[None]:
    """Whatever a storage raises is `StorageUnavailable` or `InsufficientStorage`, but for a file that is not there."""
    try:
        yield
    except (FileNotFoundError, DomainError):
        raise
    # Of a disk, of botocore, of urllib3: there is no common kind.
    except Exception as error:
        if is_disk_full(error):
            raise InsufficientStorage("The storage of files has no space left; nothing was written.") from error
        raise StorageUnavailable("The storage of files does not answer; nothing was written.") from error


def delete_file(name: str) -> None:
    """Removes a file. That the storage cannot is logged, never raised: the sweep of stray files does it then."""
    try:
        default_storage.delete(name)
    except Exception:
        logger.exception("The file %s could not be removed", name)


def hold_file(stored: StoredPicture) -> ImageFile:
    """The row of this content, made of the stored picture or found, locked; in the transaction that uses it.

    Where it was there already, the file that was just stored is removed after the commit.
    """
    row = ImageFile(
        sha256=stored.sha256, file=stored.name, width=stored.width, height=stored.height, size_bytes=stored.size_bytes
    )
    ImageFile.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["sha256"], update_fields=["unused_since"]
    )
    held = ImageFile.objects.get(sha256=stored.sha256)
    if held.file.name != stored.name:
        transaction.on_commit(lambda: delete_file(stored.name), robust=True)
    if not held.thumbnail:
        thumbnail_wake_up.send_after_commit()
    return held
