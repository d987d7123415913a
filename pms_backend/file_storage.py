"""Where uploaded files are stored: builds the `STORAGES` setting from the `STORAGE_*` variables."""

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

LOCAL_URL: Final = "/media/"
# S3's rule. A bucket is one segment of a path.
BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


_PRIVATE_LOCAL: Final = {"BACKEND": "products.images.local.PrivateLocalStorage"}


@dataclass(frozen=True, slots=True)
class FileStorage:
    """Entries of `STORAGES` for public and private files, the URL of the public ones, and its origin if not ours."""

    backend: dict[str, Any]
    private: dict[str, Any]
    media_url: str
    origins: list[str]


def file_storage(
    *,
    bucket: str,
    endpoint_url: str,
    region: str,
    access_key: str,
    secret_key: str,
    public_url: str,
    private_bucket: str = "",
) -> FileStorage:
    """Files on this machine, or in an S3-compatible `bucket` if one is given. Raises `ImproperlyConfigured`.

    Private files are in a bucket of their own or on this machine, since everybody may read the first bucket.
    """
    if not bucket:
        if endpoint_url or region or access_key or secret_key or public_url or private_bucket:
            raise ImproperlyConfigured("STORAGE_BUCKET must be set where another STORAGE_ variable is.")
        return FileStorage({"BACKEND": "products.images.local.LocalStorage"}, _PRIVATE_LOCAL, LOCAL_URL, [])
    for name, value in (("STORAGE_BUCKET", bucket), ("STORAGE_PRIVATE_BUCKET", private_bucket or bucket)):
        if not BUCKET.fullmatch(value):
            raise ImproperlyConfigured(f"{name} must be a bucket's name, such as pms-images; it is {value!r}.")
    if private_bucket == bucket:
        raise ImproperlyConfigured("STORAGE_PRIVATE_BUCKET must be another bucket than STORAGE_BUCKET, which all read.")
    if bool(access_key) != bool(secret_key):
        raise ImproperlyConfigured("STORAGE_ACCESS_KEY must be set together with STORAGE_SECRET_KEY, or neither.")
    if not (endpoint_url or region):
        raise ImproperlyConfigured("STORAGE_REGION must be set for Amazon's S3, STORAGE_ENDPOINT_URL for any other.")
    public_url = public_url or _public_url(bucket, endpoint_url, region)
    scheme, host, path, *_ = urlsplit(public_url)
    account = {
        "endpoint_url": endpoint_url or None,
        "region_name": region or None,
        "access_key": access_key or None,
        "secret_key": secret_key or None,
    }
    options = {
        "bucket_name": bucket,
        **account,
        "custom_domain": f"{host}{path}",
        "url_protocol": f"{scheme}:",
    }
    backend = {"BACKEND": "products.images.bucket.BucketStorage", "OPTIONS": options}
    private = {
        "BACKEND": "products.images.bucket.PrivateBucketStorage",
        "OPTIONS": {"bucket_name": private_bucket, **account},
    }
    return FileStorage(backend, private if private_bucket else _PRIVATE_LOCAL, f"{public_url}/", [f"{scheme}://{host}"])


def _public_url(bucket: str, endpoint_url: str, region: str) -> str:
    return f"{endpoint_url}/{bucket}" if endpoint_url else f"https://{bucket}.s3.{region}.amazonaws.com"
