"""Storage of files in an S3-compatible bucket. Imported only when one is configured, since boto3 is large."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.config import Config
from storages.backends.s3 import S3Storage

# A request or a task with a lease waits for the bucket, so a bucket that hangs must not delay it for long.
CONNECT_SECONDS: Final = 3
READ_SECONDS: Final = 20
# Browsers never receive these files.
NO_STORE: Final = "private, no-store"
# Files never change: other content gets another name.
IMMUTABLE: Final = "public, max-age=31536000, immutable"


class BucketStorage(S3Storage):  # type: ignore[misc]  # untyped
    """The storage of django-storages, with files that are public at `MEDIA_URL`."""

    def __init__(self, **options: Any) -> None:
        config = Config(
            # Every server supports the bucket in the path; Amazon prefers it in the host name.
            s3={"addressing_style": "path" if options.get("endpoint_url") else "virtual"},
            signature_version="s3v4",
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": 2},
        )
        more = {"querystring_auth": False, "object_parameters": {"CacheControl": IMMUTABLE}, "client_config": config}
        super().__init__(**{**more, **options})

    def presign(
        self, name: str, *, content_type: str, size_bytes: int, lifetime: timedelta
    ) -> tuple[str, Mapping[str, str]]:
        """The signed URL to PUT a file of exactly this size and type, and the headers to send."""
        url: str = self.connection.meta.client.generate_presigned_url(
            "put_object",
            Params={"Bucket": self.bucket_name, "Key": name, "ContentType": content_type, "ContentLength": size_bytes},
            ExpiresIn=round(lifetime.total_seconds()),
            HttpMethod="PUT",
        )
        return url, {"Content-Type": content_type}

    def names_before(self, folder: str, moment: datetime) -> Iterator[str]:
        """The files in `folder`, at any depth, that were last written before `moment`."""
        pages = self.connection.meta.client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket_name, Prefix=f"{folder}/"):
            for entry in page.get("Contents", ()):
                if entry["LastModified"] < moment:
                    yield entry["Key"]


class PrivateBucketStorage(BucketStorage):
    """The same in a private bucket."""

    def __init__(self, **options: Any) -> None:
        more = {"querystring_auth": True, "object_parameters": {"CacheControl": NO_STORE}}
        super().__init__(**{**more, **options})
