"""Pictures in a bucket: a real S3 server, real presigned requests."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from django.core.files.storage import default_storage, storages
from django.utils import timezone
from moto.server import ThreadedMotoServer

from pms_backend.file_storage import file_storage
from products import services, tasks
from products.images.limits import MAX_IMAGE_BYTES, SWEEP_GRACE, UPLOAD_LIFETIME
from products.images.names import url_of
from products.models import ImageFile, ImageUpload, Product, ProductImage
from tests.conftest import ClientWith, JSONClient
from tests.factories import make_product
from tests.products.pictures import images_url, opened, picture, post_file
from tests.products.recorded import recorded

pytestmark = pytest.mark.django_db

UPLOADS = "/api/v1/products/images/uploads/"
KEY = {"access_key": "anybody", "secret_key": "any-secret"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Its address."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket in which the stack stores its files."""
    client = boto3.client(
        "s3", endpoint_url=s3, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.create_bucket(Bucket="pms-images", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    storage = file_storage(bucket="pms-images", endpoint_url=s3, region="eu-west-1", public_url="", **KEY)
    settings.STORAGE_BUCKET = "pms-images"
    settings.MEDIA_URL = storage.media_url
    settings.STORAGES = {**settings.STORAGES, "default": storage.backend}
    yield client
    for name in names(client):
        client.delete_object(Bucket="pms-images", Key=name)
    client.delete_bucket(Bucket="pms-images")
    client.close()


@pytest.fixture
def product() -> Product:
    return make_product("A-1")


def names(client: Any) -> list[str]:
    return [entry["Key"] for entry in client.list_objects_v2(Bucket="pms-images").get("Contents", [])]


def ask(client: JSONClient, content: bytes, content_type: str = "image/jpeg") -> dict[str, Any]:
    response = client.post(UPLOADS, {"content_type": content_type, "size": len(content)})
    assert response.status_code == 201, response.content
    return response.json()


def send(upload: dict[str, Any], content: bytes) -> int:
    """What a browser does with the answer."""
    request = urllib.request.Request(upload["url"], content, upload["headers"], method=upload["method"])
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def use(client: JSONClient, product: Product, upload: dict[str, Any], **more: Any) -> Any:
    return client.post(images_url(product), {"upload": upload["id"], **more})


def test_an_uploaded_picture_lies_in_the_bucket_where_browsers_find_it(
    editor: JSONClient, product: Product, bucket: Any
):
    shown = post_file(editor, product, picture()).json()

    file = ImageFile.objects.get().file.name
    stored = bucket.get_object(Bucket="pms-images", Key=file)
    assert stored["ContentType"] == "image/jpeg"
    assert stored["CacheControl"] == "public, max-age=31536000, immutable"
    assert shown["url"] == f"{bucket.meta.endpoint_url}/pms-images/{file}" == default_storage.url(file) == url_of(file)
    assert opened(stored["Body"].read()).size == (64, 48)


def test_thumbnails_and_sweeps_work_on_the_bucket(editor: JSONClient, product: Product, bucket: Any, monkeypatch: Any):
    image = post_file(editor, product, picture()).json()
    tasks.make_thumbnails()
    file = ImageFile.objects.get()
    assert bucket.head_object(Bucket="pms-images", Key=file.thumbnail.name)["ContentType"] == "image/webp"
    services.store_picture(data=picture(color="blue"))
    bucket.put_object(Bucket="pms-images", Key="uploads/abandoned", Body=b"x")
    assert tasks.sweep_stray_files() == 0

    monkeypatch.setattr("products.services.image_sweep.SWEEP_GRACE", timedelta(seconds=-5))
    assert tasks.sweep_stray_files() == 2
    assert sorted(names(bucket)) == sorted([file.file.name, file.thumbnail.name])

    services.delete_image(product_id=product.pk, image_id=image["id"])
    assert tasks.sweep_unused_images() == 1
    assert names(bucket) == []
    assert timedelta(hours=1) < SWEEP_GRACE


@pytest.mark.django_db(transaction=True)
def test_a_direct_upload_becomes_a_picture_once(editor: JSONClient, product: Product, bucket: Any):
    content = picture("PNG", (30, 20))
    upload = ask(editor, content, "image/png")
    assert (upload["method"], upload["headers"]) == ("PUT", {"Content-Type": "image/png"})

    assert send(upload, content) == 200
    response = use(editor, product, upload, alt="Red")
    again = use(editor, product, upload)

    assert (response.status_code, response.json()["width"], response.json()["alt"]) == (201, 30, "Red")
    assert (again.status_code, again.json()["code"]) == (409, "upload_used")
    assert names(bucket) == [ImageFile.objects.get().file.name]
    assert ProductImage.objects.count() == 1


def test_the_url_is_signed_for_this_size_and_type(editor: JSONClient, bucket: Any):
    upload = ask(editor, b"x" * 1234)

    assert "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost" in upload["url"]
    assert f"X-Amz-Expires={round(UPLOAD_LIFETIME.total_seconds())}" in upload["url"]
    assert f"/pms-images/uploads/{upload['id']}?" in upload["url"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<svg onload='alert(1)'/>", "image_type_unsupported"),
        (picture()[:200], "image_unreadable"),
        (b"\xff\xd8\xff" + bytes(MAX_IMAGE_BYTES), "image_too_large"),
    ],
    ids=range(3),
)
def test_an_uploaded_file_is_checked_like_any_other(
    editor: JSONClient, product: Product, bucket: Any, content: bytes, code: str
):
    upload = ask(editor, b"x")
    send(upload, content)
    before = recorded()

    response = use(editor, product, upload)

    assert (response.status_code, response.json()["code"]) == (422, code)
    assert (recorded(), names(bucket)) == (before, [f"uploads/{upload['id']}"])
    assert not ProductImage.objects.exists()


def test_an_upload_is_its_owners(client_with: ClientWith, product: Product, bucket: Any):
    owner, other = (client_with(["products:read", "products:write"]) for _ in range(2))
    upload = ask(owner, picture())
    send(upload, picture())

    stolen = use(other, product, upload)

    assert (stolen.status_code, stolen.json()["code"]) == (404, "upload_not_found")
    assert use(owner, product, upload).status_code == 201


def test_an_upload_that_was_not_sent_or_came_too_late_is_refused(editor: JSONClient, product: Product, bucket: Any):
    upload = ask(editor, picture())
    missing = use(editor, product, upload)
    send(upload, picture())
    ImageUpload.objects.update(expires_at=timezone.now())
    late = use(editor, product, upload)

    assert (missing.status_code, missing.json()["code"]) == (409, "upload_missing")
    assert (late.status_code, late.json()["code"]) == (409, "upload_expired")
    assert not ProductImage.objects.exists()


def test_an_upload_with_a_key_is_replayed_though_it_is_used(editor: JSONClient, product: Product, bucket: Any):
    upload = ask(editor, picture())
    send(upload, picture())
    sent: dict[str, Any] = {"path": images_url(product), "data": {"upload": upload["id"]}}

    first = editor.post(**sent, headers={"Idempotency-Key": "upload-1"})
    again = editor.post(**sent, headers={"Idempotency-Key": "upload-1"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    "body",
    [{}, {"content_type": "image/svg+xml", "size": 10}, {"content_type": "image/png", "size": 0},
     {"content_type": "image/png", "size": MAX_IMAGE_BYTES + 1}, {"content_type": "image/png", "size": "big"}],
)  # fmt: skip
def test_a_file_that_is_not_allowed_gets_no_url(editor: JSONClient, bucket: Any, body: dict[str, Any]):
    assert editor.post(UPLOADS, body).status_code == 422
    assert not ImageUpload.objects.exists()


def test_without_a_bucket_there_are_no_direct_uploads(editor: JSONClient):
    response = editor.post(UPLOADS, {"content_type": "image/png", "size": 10})

    assert (response.status_code, response.json()["code"]) == (409, "direct_uploads_unavailable")
    assert not ImageUpload.objects.exists()


def test_a_url_is_never_stored_for_a_replay(editor: JSONClient, bucket: Any):
    response = editor.post(UPLOADS, {"content_type": "image/png", "size": 10}, headers={"Idempotency-Key": "upload-1"})

    assert (response.status_code, response.json()["code"]) == (400, "idempotency_not_supported")


def test_with_a_bucket_nothing_is_served_from_here(client: Any, bucket: Any):
    assert client.get(f"/media/images/aa/{'a' * 64}-00000000.png").status_code == 404


def test_an_unreachable_bucket_is_a_failure_that_leaves_nothing(editor: JSONClient, product: Product, settings: Any):
    storage = file_storage(
        bucket="pms-images", endpoint_url="http://127.0.0.1:9", region="eu-west-1", public_url="", **KEY
    )
    settings.STORAGES = {**settings.STORAGES, "default": storage.backend}
    before = recorded()

    response = post_file(editor, product, picture())

    assert (response.status_code, response.json()["code"]) == (503, "storage_unavailable")
    assert (recorded(), ProductImage.objects.count(), ImageFile.objects.count()) == (before, 0, 0)
    assert storages["default"] is not None
