"""Direct uploads: a caller sends a picture to the bucket, then adds it to a product by its id."""

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
from products.services.image_files import StoredPicture, delete_file, storage_errors, store_picture

if TYPE_CHECKING:
    from products.images.bucket import BucketStorage


@dataclass(frozen=True, slots=True)
class Upload:
    """How to send a file: `method` to `url` with `headers`, until `expires_at`."""

    id: str
    url: str
    method: str
    headers: Mapping[str, str]
    expires_at: datetime


def create_upload(*, identity: str, content_type: str, size_bytes: int) -> Upload:
    """Creates an upload of one file of this type and size for the caller `identity`.

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
    # Signing needs no request to the bucket.
    url, headers = bucket.presign(
        upload.name, content_type=content_type, size_bytes=size_bytes, lifetime=UPLOAD_LIFETIME
    )
    upload.save(force_insert=True)
    return Upload(public_id, url, "PUT", headers, upload.expires_at)


def store_upload(*, public_id: str, identity: str) -> StoredPicture:
    """Checks the file that was sent and stores it as any other picture. Never call it in a transaction.

    Raises `UploadNotFound`, `UploadUsed`, `UploadExpired`, `UploadMissing`, and the errors of `store_picture`.
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
    """Marks an upload as used, in the transaction that adds the image; the file is deleted after the commit.

    Raises `UploadUsed`.
    """
    if not ImageUpload.objects.filter(public_id=public_id, used_at=None).update(used_at=timezone.now()):
        raise UploadUsed("This upload has been used.")
    transaction.on_commit(lambda: delete_file(f"{UPLOADS}/{public_id}"), robust=True)


def _read(name: str) -> bytes:
    try:
        with storage_errors():
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
    return storage  # type: ignore[return-value]  # isinstance() would import boto3
