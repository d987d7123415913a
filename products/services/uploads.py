"""Direct uploads: a caller sends a picture to the bucket by itself, then names it here."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.core.files.storage import Storage, default_storage
from django.db import transaction
from django.utils import timezone

from products.exceptions import (
    DirectUploadsUnavailable,
    ImageTooLarge,
    UploadExpired,
    UploadMissing,
    UploadNotFound,
    UploadUsed,
)
from products.images.limits import MAX_IMAGE_BYTES, UPLOAD_LIFETIME
from products.images.names import UPLOADS
from products.models import ImageUpload
from products.services.image_files import StoredPicture, asking_the_storage, delete_file, store_picture

if TYPE_CHECKING:
    from products.images.bucket import BucketStorage


@dataclass(frozen=True, slots=True)
class Upload:
    """Where to send a file: `method` to `url` with `headers`, until `expires_at`."""

    id: str
    url: str
    method: str
    headers: Mapping[str, str]
    expires_at: datetime


def create_upload(*, identity: str, content_type: str, size_bytes: int) -> Upload:
    """A place in the bucket for one file of this type and size, for the caller `identity`.

    Raises `DirectUploadsUnavailable`, `ImageTooLarge`.
    """
    if size_bytes > MAX_IMAGE_BYTES:
        raise ImageTooLarge(f"A picture has at most {MAX_IMAGE_BYTES // 1024**2} MiB.")
    bucket = _bucket(default_storage)
    public_id = uuid.uuid4().hex
    upload = ImageUpload(
        public_id=public_id,
        identity=identity,
        name=f"{UPLOADS}/{public_id}",
        size_bytes=size_bytes,
        expires_at=timezone.now() + UPLOAD_LIFETIME,
    )
    # Signing is arithmetic: nothing is asked of the bucket.
    url, headers = bucket.presign(
        upload.name, content_type=content_type, size_bytes=size_bytes, lifetime=UPLOAD_LIFETIME
    )
    upload.save(force_insert=True)
    return Upload(public_id, url, "PUT", headers, upload.expires_at)


def store_upload(*, public_id: str, identity: str) -> StoredPicture:
    """Checks what was sent and stores it as any other picture. Not in a transaction.

    Raises `UploadNotFound`, `UploadUsed`, `UploadExpired`, `UploadMissing`, and what `store_picture` does.
    """
    upload = ImageUpload.objects.filter(public_id=public_id, identity=identity).first()
    if upload is None:
        raise UploadNotFound("You have no such upload.")
    if upload.used_at is not None:
        raise UploadUsed("This upload has been used.")
    if upload.expires_at <= timezone.now():
        raise UploadExpired("This upload has expired; ask for another.")
    return store_picture(data=_read(upload.name))


def use_upload(*, public_id: str) -> None:
    """Uses an upload up, in the transaction that makes it a picture; what was sent goes after the commit.

    Raises `UploadUsed`.
    """
    if not ImageUpload.objects.filter(public_id=public_id, used_at=None).update(used_at=timezone.now()):
        raise UploadUsed("This upload has been used.")
    transaction.on_commit(lambda: delete_file(f"{UPLOADS}/{public_id}"), robust=True)


def _read(name: str) -> bytes:
    try:
        with asking_the_storage():
            if default_storage.size(name) > MAX_IMAGE_BYTES:
                raise ImageTooLarge(f"A picture has at most {MAX_IMAGE_BYTES // 1024**2} MiB.")
            with default_storage.open(name) as file:
                data: bytes = file.read(MAX_IMAGE_BYTES + 1)
    except FileNotFoundError:
        raise UploadMissing("Nothing has been sent to this upload's address yet.") from None
    return data


def _bucket(storage: Storage) -> "BucketStorage":
    if not hasattr(storage, "presign"):
        raise DirectUploadsUnavailable("There is no bucket here; send the file itself.")
    return storage  # type: ignore[return-value]  # known by what it can, so that boto3 is loaded only where there is one
