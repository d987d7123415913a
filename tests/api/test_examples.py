"""No example of the OpenAPI document lies: each fits its schema, and the API accepts each that is a request."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import orjson
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection as database
from django.test import override_settings
from jsonschema import Draft202012Validator
from standardwebhooks import Webhook

from inventory import services as inventory
from inventory.models import Location, StockMovement, Transfer
from pms_backend.access.models import ApiClient
from pms_backend.api.parsers import MergePatchParser
from pms_backend.api.schema_examples import FORM, all_examples
from pms_backend.file_storage import file_storage
from pms_integration.models import PMSConnection, PMSProduct
from products import services as products
from products.models import Product
from tests.architecture.addresses import openapi
from tests.conftest import JSONClient
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.inventory.reserving import reserve
from tests.outbound.servers import Names
from tests.pms_integration.product_pushes.running import own
from tests.pms_integration.reports import apply, product
from tests.products.pictures import make_image, picture
from tests.rolling_back import rolled_back
from tests.webhooks.out.delivering import make_endpoint

OPERATIONS: Final = [
    (path, method, operation) for path, methods in openapi()["paths"].items() for method, operation in methods.items()
]
# A body with its address and its example. A merge patch is what PATCH takes as JSON, too.
BODIES: Final = [
    (path, method, kind, example["value"])
    for path, method, operation in OPERATIONS
    for kind, body in operation.get("requestBody", {}).get("content", {}).items()
    for example in body.get("examples", {}).values()
    if kind != MergePatchParser.media_type
]
FILES: Final[dict[str, Callable[[], SimpleUploadedFile]]] = {
    "mug.png": lambda: SimpleUploadedFile("mug.png", picture("PNG")),
    "products.csv": lambda: SimpleUploadedFile("products.csv", b"Handle,Title\nenamel-bowl,Enamel bowl\n"),
}
PUBLIC_ADDRESS: Final = ["93.184.216.34"]


def new_transfer() -> Transfer:
    return inventory.create_transfer(source="main", target="east", lines=[("MUG-BLUE", 4)], reference="T-7")


def in_conflict() -> PMSProduct:
    """A product of the PMS of which both sides have changed a price."""
    pms = own(PMSConnection.objects.get(slug="demo"), price="shared")
    apply(pms, "product.created", product("7", 1, "LAMP"))
    linked = PMSProduct.objects.get(connection=pms, external_id="7")
    ours = {"sku": "LAMP", "price": Decimal("8.00")}
    products.update_product(product_id=linked.product_id, data={"variants": [ours]})
    theirs = {"sku": "LAMP", "price": "9.00", "currency": "EUR"}
    apply(pms, "product.updated", product("7", 2, "LAMP", variants=[theirs]))
    return linked


def tell_of_a_mug() -> None:
    """The PMS has the blue mug too."""
    theirs = {"sku": "MUG-BLUE", "price": "10.00", "options": {"Colour": "Blue"}}
    apply(PMSConnection.objects.get(slug="demo"), "product.created", product("7", 1, variants=[theirs]))


# By the last word of an address: what is done before it is called.
BEFORE: Final[dict[str, Callable[[], Any]]] = {
    "link": tell_of_a_mug,
    "unpublish": lambda: products.publish_product(product_id=12),
}
# By a word of an address, the last that fits: what its `{id}` is.
IDS: Final[dict[str, Callable[[], Any]]] = {
    "clients": lambda: ApiClient.objects.get().public_id,
    "endpoints": lambda: make_endpoint().pk,
    "images": lambda: make_image(Product.objects.get(pk=12), "green").pk,
    "movements": lambda: StockMovement.objects.latest("pk").pk,
    "products": lambda: 12,
    "receive": lambda: inventory.ship_transfer(transfer_id=new_transfer().pk).pk,
    "reservations": lambda: reserve(("MUG-BLUE", 2), reference="ORDER-1001").pk,
    "resolve": lambda: in_conflict().pk,
    "stocktakes": lambda: inventory.create_stocktake(location="main").pk,
    "transfers": lambda: new_transfer().pk,
    "variants": lambda: Product.objects.get(pk=12).variants.earliest("pk").pk,
}
NAMES: Final = {"sku": "MUG-BLUE", "location": "main", "code": "main", "product": "12"}


@pytest.fixture
def shop(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the examples speak of: two mugs in stock, the product 12, and a PMS that is called."""
    names = Names(monkeypatch)
    for host in ("pms.example.com", "shop.example.com", "supplier.example.com"):
        names.set(host, PUBLIC_ADDRESS)
    with database.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('products_product', 'id'), 11)")
    products.create_category(name="Kitchen")
    variants = [
        {"sku": f"MUG-{colour.upper()}", "price": "12.50", "options": {"Colour": colour}}
        for colour in ("Blue", "White")
    ]
    make_product(name="Stoneware mug", variants=variants)
    for code in ("main", "east"):
        make_location(code)
    for sku, units in (("MUG-WHITE", 8), ("MUG-BLUE", 20)):
        set_stock(sku, "main", units)
    User.objects.create_user("ada", password="correct horse battery staple")
    pms = make_connection("demo")
    PMSConnection.objects.filter(pk=pms.pk).update(base_url="https://pms.example.com/api")
    pms.locations.create(location_id=Location.objects.get(code="main").pk, external_id="main")


def address_of(path: str) -> str:
    """The path, with values for its parameters."""
    words = path.split("/")
    for name, value in {**NAMES, "slug": "kitchen" if "categories" in words else "demo"}.items():
        path = path.replace(f"{{{name}}}", value)
    if "{id}" in words:
        path = path.replace("{id}", str(IDS[[word for word in words if word in IDS][-1]]()))
    return path


def test_every_body_and_every_parameter_of_a_query_is_explained():
    bodies = [
        (operation["operationId"], kind)
        for _, _, operation in OPERATIONS
        for kind, body in operation.get("requestBody", {}).get("content", {}).items()
        if "examples" not in body
    ]
    parameters = [
        (operation["operationId"], parameter["name"])
        for _, _, operation in OPERATIONS
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and not parameter.get("description")
    ]

    assert bodies == []
    assert parameters == []
    known = {operation["operationId"] for _, _, operation in OPERATIONS}
    assert {name for kind in ("REQUESTS", "FORMS", "RESPONSES") for name in all_examples(kind)} <= known


def media_of(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for answer in operation["responses"].values():
        yield from answer.get("content", {}).values()


def test_every_example_fits_its_schema():
    wrong = [
        f"{operation['operationId']}: {error.json_path} {error.message[:200]}"
        for _, _, operation in OPERATIONS
        for media in media_of(operation)
        for example in media.get("examples", {}).values()
        for error in errors_of(media["schema"], example["value"])
    ]

    assert wrong == []


def errors_of(schema: dict[str, Any], value: Any) -> Iterator[Any]:
    """The errors of a value, members that the schema does not have among them."""
    components = openapi()["components"]
    checked = {**schema, "components": components, "unevaluatedProperties": False}
    yield from Draft202012Validator(checked).iter_errors(value)


def with_a_bucket() -> override_settings:
    """A bucket, of which nobody asks anything: the address of an upload is signed here."""
    storage = file_storage(
        bucket="pms-images", endpoint_url="", region="eu-west-1", public_url="", access_key="anybody", secret_key="any"
    )
    return override_settings(STORAGE_BUCKET="pms-images", STORAGES={**settings.STORAGES, "default": storage.backend})


def test_the_api_accepts_every_example(shop: None, api: JSONClient):
    refused: list[tuple[str, str, bytes]] = []
    for path, method, kind, example in BODIES:
        # Each finds the shop as it was made.
        with rolled_back(), with_a_bucket() if path.endswith("/uploads/") else nullcontext():
            answer = answer_to(api, path, method, kind, example)
        if answer.status_code not in (200, 201, 202):
            refused.append((f"{method} {path}", kind, answer.content))

    assert len(BODIES) > 40
    assert refused == []


def answer_to(api: JSONClient, path: str, method: str, kind: str, example: dict[str, Any]) -> Any:
    """The answer to an example, after what it needs was done."""
    address = address_of(path)
    BEFORE.get(path.split("/")[-2], lambda: None)()
    if path.endswith("/refresh/"):
        login = api.post("/api/v1/auth/token/", all_examples("REQUESTS")["v1_auth_token_create"])
        example = {"refresh": login.json()["refresh"]}
    return send(api, method, address, example, kind)


def send(api: JSONClient, method: str, address: str, body: dict[str, Any], kind: str) -> Any:
    """The answer to an example; a form gets the file that it names, a webhook its signature."""
    if kind == FORM:
        form = {**body, **({"file": FILES[body["file"]]()} if "file" in body else {})}
        return getattr(api, method)(address, form, format="multipart")
    raw, headers = orjson.dumps(body), {}
    if address.startswith("/api/v1/webhooks/pms/"):
        now = datetime.now(tz=UTC)
        webhook = Webhook(PMSConnection.objects.get(slug="demo").secret)
        headers = {
            "webhook-id": "msg_2b1f",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": webhook.sign("msg_2b1f", now, raw.decode()),
        }
    return api.generic(method.upper(), address, raw, content_type=kind, headers=headers)
