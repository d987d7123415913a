"""Where uploaded files are, by the STORAGE_ variables."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from pms_backend import env
from pms_backend.file_storage import file_storage

NOTHING = dict.fromkeys(("bucket", "endpoint_url", "region", "access_key", "secret_key", "public_url"), "")
KEYS = {"access_key": "a", "secret_key": "b"}


def test_without_a_bucket_files_are_on_this_machine():
    storage = file_storage(**NOTHING)

    assert storage.backend == {"BACKEND": "products.images.local.LocalStorage"}
    assert storage.private == {"BACKEND": "products.images.local.PrivateLocalStorage"}
    assert (storage.media_url, storage.origins) == ("/media/", [])


def test_what_is_private_is_never_in_the_bucket_that_all_read():
    given = {**NOTHING, "bucket": "pms", "region": "eu-west-1"}

    here, there = file_storage(**given), file_storage(**given, private_bucket="pms-private")

    assert here.private == {"BACKEND": "products.images.local.PrivateLocalStorage"}
    assert there.private["BACKEND"] == "products.images.bucket.PrivateBucketStorage"
    assert there.private["OPTIONS"]["bucket_name"] == "pms-private"
    assert "custom_domain" not in there.private["OPTIONS"]
    with pytest.raises(ImproperlyConfigured, match="STORAGE_PRIVATE_BUCKET must be another"):
        file_storage(**given, private_bucket="pms")


@pytest.mark.parametrize(
    ("given", "media_url", "origin"),
    [
        ({"region": "eu-west-1"}, "https://pms.s3.eu-west-1.amazonaws.com/", "https://pms.s3.eu-west-1.amazonaws.com"),
        ({"endpoint_url": "http://minio:9000"}, "http://minio:9000/pms/", "http://minio:9000"),
        (
            {
                "endpoint_url": "https://abc.supabase.co/storage/v1/s3",
                "region": "eu-west-1",
                "public_url": "https://abc.supabase.co/storage/v1/object/public/pms",
            },
            "https://abc.supabase.co/storage/v1/object/public/pms/",
            "https://abc.supabase.co",
        ),
        ({"region": "eu-west-1", "public_url": "https://cdn.example.com"}, "https://cdn.example.com/", "https://cdn.example.com"),
    ],
)  # fmt: skip
def test_a_bucket_is_found_where_its_public_url_says(given: dict[str, str], media_url: str, origin: str):
    storage = file_storage(**{**NOTHING, "bucket": "pms", **given, **KEYS})

    options = storage.backend["OPTIONS"]
    assert (storage.media_url, storage.origins) == (media_url, [origin])
    assert f"{options['url_protocol']}//{options['custom_domain']}/" == media_url
    assert (options["bucket_name"], options["access_key"], options["secret_key"]) == ("pms", "a", "b")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"region": "eu-west-1"}, "STORAGE_BUCKET"),
        ({"access_key": "a", "secret_key": "b"}, "STORAGE_BUCKET"),
        ({"bucket": "A b", "region": "eu-west-1"}, "STORAGE_BUCKET"),
        ({"bucket": "pms"}, "STORAGE_REGION"),
        ({"bucket": "pms", "region": "eu-west-1", "access_key": "a"}, "STORAGE_ACCESS_KEY"),
        ({"bucket": "pms", "region": "eu-west-1", "secret_key": "a"}, "STORAGE_ACCESS_KEY"),
    ],
)
def test_what_does_not_fit_together_is_named(given: dict[str, str], named: str):
    with pytest.raises(ImproperlyConfigured, match=f"{named} must be"):
        file_storage(**{**NOTHING, **given})


@pytest.mark.parametrize(
    "value", ["", "https://files.example.com", "http://minio:9000/", "https://a.example/storage/v1/s3"]
)
def test_a_web_address_may_have_a_path(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("NAME", value)

    assert env.web_address("NAME") == value.rstrip("/")


@pytest.mark.parametrize(
    "value", ["files.example.com", "ftp://a.example", "https://a.example/?b=c", "https://u:p@a.example"]
)
def test_what_is_no_web_address_is_named(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("NAME", value)

    with pytest.raises(ImproperlyConfigured, match="NAME must look like"):
        env.web_address("NAME")
