"""Buckets are tried as a stranger would: on a real S3 server, with the permissions that it has."""

import json
from collections.abc import Iterator
from threading import Thread
from typing import Any

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug import Request, Response
from werkzeug.serving import make_server

from pms_backend.file_storage import file_storage
from pms_backend.operations.bucket_checks import anonymous_addresses, check_buckets
from tests.ports import free_port

KEYS = {"region": "eu-west-1", "access_key": "anybody", "secret_key": "any-secret"}
MOTO = DomainDispatcherApplication(create_backend_app)
# Buckets that a stranger may list: moto itself lets everybody list all, and guards files only.
listed: set[str] = set()


@Request.application
def guarded_lists(request: Request) -> Any:
    """moto, of which a list needs keys."""
    bucket, _, name = request.path.strip("/").partition("/")
    if request.method == "GET" and not name and "Authorization" not in request.headers and bucket not in listed:
        return Response(status=403)
    return MOTO


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A client of a server."""
    server = make_server("127.0.0.1", 0, guarded_lists, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    client = boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{server.port}", region_name="eu-west-1", aws_access_key_id="a",
        aws_secret_access_key="b",
    )  # fmt: skip
    yield client
    client.close()
    server.shutdown()
    server.server_close()


@pytest.fixture
def buckets(s3: Any, settings: Any) -> Iterator[Any]:
    """A public and a private bucket, which the settings name."""
    for name in ("pms-images", "pms-private"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    publish(s3, "pms-images")
    configure(settings, s3.meta.endpoint_url)
    yield s3
    for name in ("pms-images", "pms-private"):
        assert "Contents" not in s3.list_objects_v2(Bucket=name)
        s3.delete_bucket(Bucket=name)


def publish(s3: Any, bucket: str) -> None:
    readable = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [readable]}))


def configure(settings: Any, endpoint: str) -> None:
    storage = file_storage(
        bucket="pms-images", endpoint_url=endpoint, public_url="", private_bucket="pms-private", **KEYS
    )
    settings.STORAGE_BUCKET, settings.STORAGE_PRIVATE_BUCKET = "pms-images", "pms-private"
    settings.STORAGES = {**settings.STORAGES, "default": storage.backend, "private": storage.private}


def found() -> list[tuple[str | None, str]]:
    return [(message.id, message.msg) for message in check_buckets(None)]


def test_a_public_and_a_private_bucket_are_as_they_should_be(buckets: Any):
    assert found() == []


def test_a_private_bucket_that_everybody_may_read_is_found(buckets: Any):
    publish(buckets, "pms-private")

    ((code, message),) = found()

    assert code == "pms.E032"
    assert message.startswith("STORAGE_PRIVATE_BUCKET must be a bucket that nobody else may read: GET http://")


def test_a_private_bucket_that_everybody_may_list_is_found(buckets: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(f"{__name__}.listed", {"pms-private"})

    ((code, message),) = found()

    assert code == "pms.E032"
    assert "/pms-private/?list-type=2&max-keys=1 without keys is 200" in message


def test_a_public_bucket_that_shops_cannot_read_is_found(buckets: Any):
    buckets.delete_bucket_policy(Bucket="pms-images")

    ((code, message),) = found()

    assert code == "pms.E031"
    assert message.startswith("STORAGE_BUCKET must be a bucket that everybody may read")


def test_a_bucket_that_does_not_exist_is_found(buckets: Any, settings: Any):
    buckets.delete_bucket(Bucket="pms-private")

    ((code, message),) = found()

    assert code == "pms.E030"
    assert message.startswith("STORAGE_PRIVATE_BUCKET: a file cannot be stored, read and deleted with STORAGE_*: ")
    buckets.create_bucket(Bucket="pms-private", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_found(settings: Any):
    configure(settings, f"http://127.0.0.1:{free_port()}")

    assert [code for code, _ in found()] == ["pms.E030", "pms.E030"]


def test_files_on_this_machine_are_not_tried():
    assert found() == []


def test_a_stranger_would_ask_for_the_file_for_a_list_and_at_supabases_public_address():
    minio = anonymous_addresses("http://minio:9000/pms/checks/a", "checks/a")
    supabase = anonymous_addresses("https://abc.supabase.co/storage/v1/s3/pms/checks/a", "checks/a")

    assert minio == ["http://minio:9000/pms/checks/a", "http://minio:9000/pms/?list-type=2&max-keys=1"]
    assert supabase[2:] == ["https://abc.supabase.co/storage/v1/object/public/pms/checks/a"]
