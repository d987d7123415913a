"""Files in an S3-compatible bucket. Only loaded where there is one: boto3 is large."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.config import Config
from storages.backends.s3 import S3Storage

# Whoever waits for a file is a person or a task with a claim; a bucket that hangs must not hold them for long.
CONNECT_SECONDS: Final = 3
READ_SECONDS: Final = 20
# Of what a browser is never sent.
NOT_AT_ALL: Final = "private, no-store"
# Files never change: another content has another name.
FOR_EVER: Final = "public, max-age=31536000, immutable"


class BucketStorage(S3Storage):  # type: ignore[misc]  # it has no types
    """django-storages' one, whose files anybody may read at `MEDIA_URL`."""

    def __init__(self, **options: Any) -> None:
        config = Config(
            # A path works with every server; Amazon's own is asked by the bucket's name.
            s3={"addressing_style": "path" if options.get("endpoint_url") else "virtual"},
            signature_version="s3v4",
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": 2},
        )
        more = {"querystring_auth": False, "object_parameters": {"CacheControl": FOR_EVER}, "client_config": config}
        super().__init__(**{**more, **options})

    def presign(
        self, name: str, *, content_type: str, size_bytes: int, lifetime: timedelta
    ) -> tuple[str, Mapping[str, str]]:
        """Where to PUT a file of exactly this size and type, and with which headers; all of it is signed."""
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
    """The same in a bucket that nobody else may read."""

    def __init__(self, **options: Any) -> None:
        more = {"querystring_auth": True, "object_parameters": {"CacheControl": NOT_AT_ALL}}
        super().__init__(**{**more, **options})
