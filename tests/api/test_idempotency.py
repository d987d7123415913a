"""`Idempotency-Key`: a POST takes effect once, however often it is sent."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from inventory import services as inventory
from inventory.models import Location, StockLevel, StockMovement
from pms_backend.access.models import INTERNAL_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.api import batches, tasks
from pms_backend.api.endpoints import APIView, GenericViewSet
from pms_backend.api.models import IdempotencyKey
from pms_backend.api.transactions import register_first_write
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from products.models import Product
from tests.conftest import ClientWith, JSONClient
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

ADJUSTMENTS = "/api/v1/inventory/adjustments/"
COUNTS = "/api/v1/inventory/counts/"
PRODUCTS = "/api/v1/products/"
LOCATIONS = "/api/v1/inventory/locations/"
RECEIPT = {"sku": "A-1", "location": "main", "delta": 5, "reason": "receipt"}
REQUEST_HEADERS = {"X-Request-Id", "Idempotency-Replayed"}


@pytest.fixture(autouse=True)
def _lamp_in_main() -> None:
    make_location("main")
    make_product("A-1")


def post(api: JSONClient, path: str, body: object, key: str = "k-1"):
    return api.post(path, body, headers={"Idempotency-Key": key})


def on_hand() -> int:
    return sum(StockLevel.objects.values_list("on_hand", flat=True))


def refused(response, status: int, code: str) -> None:
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json"), response.content
    assert response.json()["code"] == code
    assert "Idempotency-Replayed" not in response


def assert_replayed(first, again) -> None:
    """The same answer, but for the header that says so."""
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert response_headers(again) == response_headers(first)


def response_headers(response) -> dict[str, str]:
    return {name: value for name, value in response.items() if name not in REQUEST_HEADERS}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (ADJUSTMENTS, RECEIPT, 201),
        (COUNTS, {"sku": "A-1", "location": "main", "on_hand": 7}, 201),
        (COUNTS, {"sku": "A-1", "location": "main", "on_hand": 0}, 200),
        (f"{ADJUSTMENTS}bulk/", {"adjustments": [RECEIPT, RECEIPT]}, 200),
        (f"{COUNTS}bulk/", {"counts": [{"sku": "A-1", "location": "main", "on_hand": 3}]}, 200),
        (PRODUCTS, {"name": "Mug", "variants": [{"sku": "M-1"}]}, 201),
        (f"{PRODUCTS}bulk/", {"products": [{"name": "Mug", "variants": [{"sku": "M-1"}]}]}, 200),
        (LOCATIONS, {"code": "shop", "name": "Shop"}, 201),
        (f"{PRODUCTS}categories/", {"name": "Lamps"}, 201),
    ],
)
def test_the_same_request_again_gets_the_first_answer_and_changes_nothing(
    api: JSONClient, path: str, body: dict, status: int
):
    first = post(api, path, body)
    events, movements, stock = Event.objects.count(), StockMovement.objects.count(), on_hand()
    again = post(api, path, body)

    assert first.status_code == status, first.content
    assert_replayed(first, again)
    assert (Event.objects.count(), StockMovement.objects.count(), on_hand()) == (events, movements, stock)
    assert find_mismatches() == []


def test_a_transition_is_replayed_although_the_state_has_moved_on(api: JSONClient):
    product = Product.objects.get()

    first = post(api, f"{PRODUCTS}{product.pk}/publish/", None)
    api.post(f"{PRODUCTS}{product.pk}/unpublish/")
    again = post(api, f"{PRODUCTS}{product.pk}/publish/", None)

    assert first.json()["status"] == "active"
    assert_replayed(first, again)
    product.refresh_from_db()
    assert product.status == "draft"


def test_another_body_is_422(api: JSONClient):
    post(api, ADJUSTMENTS, RECEIPT)

    refused(post(api, ADJUSTMENTS, {**RECEIPT, "delta": 6}), 422, "idempotency_key_reused")

    assert on_hand() == 5


@pytest.mark.parametrize("key", ["", "a" * 256, "ä", "a\tb", "a\x7f"])
def test_an_invalid_key_is_400(api: JSONClient, key: str):
    refused(post(api, ADJUSTMENTS, RECEIPT, key), 400, "idempotency_key_invalid")

    assert not StockMovement.objects.exists()
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize("key", ["a", "~" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a b"])
def test_a_key_is_any_printable_text(api: JSONClient, key: str):
    assert post(api, ADJUSTMENTS, RECEIPT, key).status_code == 201
    assert post(api, ADJUSTMENTS, RECEIPT, key)["Idempotency-Replayed"] == "true"


def test_each_client_has_keys_of_its_own(api: JSONClient, client_with: ClientWith):
    other = client_with(ALL_SCOPES, tier=INTERNAL_TIER)

    for response in (post(api, ADJUSTMENTS, RECEIPT), post(other, ADJUSTMENTS, {**RECEIPT, "delta": 2})):
        assert response.status_code == 201
        assert "Idempotency-Replayed" not in response

    assert on_hand() == 7


def test_each_path_has_keys_of_its_own(api: JSONClient):
    post(api, ADJUSTMENTS, RECEIPT)

    counted = post(api, COUNTS, {"sku": "A-1", "location": "main", "on_hand": 1})

    assert (counted.status_code, on_hand()) == (201, 1)


def test_keys_are_case_sensitive(api: JSONClient):
    post(api, ADJUSTMENTS, RECEIPT, "k-1")
    post(api, ADJUSTMENTS, RECEIPT, "K-1")

    assert on_hand() == 10


def test_a_refused_request_leaves_nothing_and_may_be_tried_again(api: JSONClient):
    sale = {**RECEIPT, "delta": -3, "reason": "sale"}

    refused(post(api, ADJUSTMENTS, sale), 409, "insufficient_stock")
    refused(post(api, ADJUSTMENTS, {**sale, "delta": 0}), 422, "validation_failed")
    assert not IdempotencyKey.objects.exists()
    set_stock("A-1", "main", 3)
    assert post(api, ADJUSTMENTS, sale).status_code == 201

    assert on_hand() == 0


def test_a_key_is_not_stored_for_a_client_without_the_scope(api: JSONClient, client_with: ClientWith):
    refused(post(client_with(["inventory:read"]), ADJUSTMENTS, RECEIPT), 403, "forbidden")

    assert not IdempotencyKey.objects.exists()


def test_scopes_are_checked_before_a_response_is_replayed(api: JSONClient, monkeypatch):
    post(api, ADJUSTMENTS, RECEIPT)
    monkeypatch.setattr("inventory.views.stock.AdjustmentView.required_scopes", {"write": "nobody:has"})

    refused(post(api, ADJUSTMENTS, RECEIPT), 403, "forbidden")


def test_a_request_that_failed_inside_leaves_nothing(api: JSONClient, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("pms_backend.api.services.store_response", fail)
        refused(post(api, ADJUSTMENTS, RECEIPT), 500, "internal_error")
    assert not StockMovement.objects.exists()
    assert not Event.objects.filter(type="stock.changed").exists()

    assert post(api, ADJUSTMENTS, RECEIPT).status_code == 201
    assert on_hand() == 5


def fail(**_: object) -> None:
    raise RuntimeError("no")


def test_a_response_that_cannot_be_rendered_rolls_its_write_back(api: JSONClient, monkeypatch):
    monkeypatch.setattr("inventory.views.stock.changed", lambda _: Response({"movement": object()}, status=201))

    refused(post(api, ADJUSTMENTS, RECEIPT), 500, "internal_error")

    assert not StockMovement.objects.exists()


@pytest.mark.parametrize("method", ["patch", "get"])
def test_other_methods_ignore_the_header(api: JSONClient, method: str):
    for _ in range(2):
        response = getattr(api, method)(f"{LOCATIONS}main/", headers={"Idempotency-Key": "k-1"})
        assert response.status_code == 200
        assert "Idempotency-Replayed" not in response

    assert not IdempotencyKey.objects.exists()


def make_old(hours: float) -> None:
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=hours))


def test_after_a_day_the_key_is_free_although_it_was_not_pruned(api: JSONClient):
    post(api, ADJUSTMENTS, RECEIPT)
    make_old(23.9)
    assert post(api, ADJUSTMENTS, RECEIPT)["Idempotency-Replayed"] == "true"

    make_old(24.1)
    anew = post(api, ADJUSTMENTS, {**RECEIPT, "delta": 1})
    again = post(api, ADJUSTMENTS, {**RECEIPT, "delta": 1})

    assert anew.status_code == 201
    assert_replayed(anew, again)
    assert (on_hand(), IdempotencyKey.objects.count()) == (6, 1)


def test_an_expired_key_stays_free_after_a_refused_request(api: JSONClient):
    post(api, ADJUSTMENTS, RECEIPT)
    make_old(24.1)

    refused(post(api, ADJUSTMENTS, {**RECEIPT, "delta": -9, "reason": "sale"}), 409, "insufficient_stock")
    assert post(api, ADJUSTMENTS, {**RECEIPT, "delta": 1}).status_code == 201

    assert on_hand() == 6


def test_old_keys_are_pruned_in_batches(api: JSONClient, monkeypatch):
    for number in range(5):
        post(api, ADJUSTMENTS, RECEIPT, f"k-{number}")
    make_old(25)
    post(api, ADJUSTMENTS, RECEIPT, "young")
    monkeypatch.setattr(batches, "PRUNE_BATCH_SIZE", 2)

    assert tasks.prune_idempotency_keys() == 5
    assert tasks.prune_idempotency_keys() == 0
    assert IdempotencyKey.objects.count() == 1


def test_a_deadlocked_transaction_is_retried_as_a_whole(api: JSONClient, monkeypatch):
    monkeypatch.setattr("pms_backend.api.transactions.FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(inventory, "adjust_stock", deadlocked_once(inventory.adjust_stock))

    first = post(api, ADJUSTMENTS, RECEIPT)

    assert first.status_code == 201, first.content
    assert_replayed(first, post(api, ADJUSTMENTS, RECEIPT))
    assert (on_hand(), StockMovement.objects.count()) == (5, 1)


def deadlocked_once(service: Callable) -> Callable:
    left = [True]

    def wrapped(**arguments: object):
        done = service(**arguments)
        if left:
            left.pop()
            with connection.cursor() as cursor:
                cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40P01'; END $$")
        return done

    return wrapped


def statements(api: JSONClient, **headers: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert api.post(ADJUSTMENTS, RECEIPT, headers=headers).status_code == 201
    return [query["sql"].split(maxsplit=1)[0] for query in captured]


def test_a_request_without_a_key_costs_no_statement(api: JSONClient):
    set_stock("A-1", "main", 1)

    api.get("/api/v1/events/")  # the API key is cached from now on

    without, with_key = statements(api), statements(api, **{"Idempotency-Key": "k"})

    # The one statement of an adjustment, which is a transaction by itself.
    assert without == ["WITH"]
    assert with_key == ["BEGIN", "SELECT", "INSERT", "SET", "WITH", "UPDATE", "COMMIT"]


def test_the_lock_timeout_applies_to_the_insert_alone(api: JSONClient, monkeypatch):
    seen: list[str] = []

    def look(**_: object):
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            seen.append(cursor.fetchone()[0])
        raise Location.DoesNotExist

    monkeypatch.setattr(inventory, "adjust_stock", look)

    refused(post(api, ADJUSTMENTS, RECEIPT), 404, "not_found")

    assert seen == ["0"]


class _Known(BaseAuthentication):
    def authenticate(self, request: Request):
        for write in self.writes(request):
            register_first_write(request._request, write)
        caller = SimpleNamespace(identity="somebody", is_authenticated=True)
        return caller, caller

    def writes(self, request: Request) -> list[Callable[[], object]]:
        return getattr(request._request, "writes", [])


class _View(APIView):
    authentication_classes = (_Known,)
    permission_classes = ()
    throttle_classes = ()
    parser_classes = (MultiPartParser, *APIView.parser_classes)
    answer: Response | None = None

    def post(self, request: Request) -> Response:
        make_location(f"l{Location.objects.count()}")
        if self.answer is not None:
            return self.answer
        files = {name: hashlib.sha256(file.read()).hexdigest() for name, file in request.FILES.items()}
        headers = {"Location": "/there/", "ETag": '"1.a"', "X-Own": "not stored"}
        return Response({"files": files}, status=201, headers=headers)

    def get(self, request: Request) -> Response:
        return Response({})


def send(view: type = _View, method: str = "post", key: str | None = "k-1", writes: object = (), **more: object):
    headers = {"Idempotency-Key": key} if key is not None else {}
    data = more.pop("data", {})
    kind = more.pop("format", "json")
    request: HttpRequest = getattr(APIRequestFactory(), method)("/x/", data, format=kind, headers=headers)
    request.writes = list(writes)
    response = view.as_view(**more)(request)
    # What Django's handler does at the end.
    if hasattr(response, "render"):
        response.render()
    request.close()
    return response


def created_location_count() -> int:
    return Location.objects.exclude(code="main").count()


def test_the_headers_that_belong_to_a_response_are_stored():
    first, again = send(), send()

    assert (again["Location"], again["ETag"], again["Content-Type"]) == ("/there/", '"1.a"', "application/json")
    assert "X-Own" in first
    assert "X-Own" not in again
    assert again.content == first.content


def test_a_response_without_a_body_is_replayed_without_one():
    first = send(answer=Response(status=204))
    again = send(answer=Response(status=204))

    assert (first.status_code, first.content) == (again.status_code, again.content) == (204, b"")
    assert "Content-Type" not in again
    assert created_location_count() == 1


@pytest.mark.parametrize("status", [302, 400, 409, 500])
def test_a_response_that_is_not_a_success_is_rolled_back(status: int):
    response = send(answer=Response({"no": True}, status=status))

    assert (response.status_code, response.content) == (status, b'{"no":true}')
    assert created_location_count() == 0
    assert not IdempotencyKey.objects.exists()


def upload(content: bytes, **fields: str) -> dict:
    return {"format": "multipart", "data": {"file": SimpleUploadedFile("a.csv", content), **fields}}


def test_a_multipart_body_is_identified_by_its_fields_and_files_not_its_boundary(monkeypatch):
    first = send(**upload(b"a,b", location="main"))
    monkeypatch.setattr("rest_framework.renderers.MultiPartRenderer.BOUNDARY", "another")
    monkeypatch.setattr(
        "rest_framework.renderers.MultiPartRenderer.media_type", "multipart/form-data; boundary=another"
    )
    again = send(**upload(b"a,b", location="main"))

    assert first.status_code == 201
    assert first.data["files"] == {"file": hashlib.sha256(b"a,b").hexdigest()}
    assert again["Idempotency-Replayed"] == "true"
    assert created_location_count() == 1


@pytest.mark.parametrize("other", [upload(b"a,c", location="main"), upload(b"a,b", location="shop"), upload(b"a,b")])
def test_another_file_or_field_is_another_body(other: dict):
    send(**upload(b"a,b", location="main"))

    assert send(**other).data["code"] == "idempotency_key_reused"


def test_a_large_file_is_never_in_memory_as_a_whole(monkeypatch):
    monkeypatch.setattr("django.http.HttpRequest.body", property(lambda _: pytest.fail("The whole body was read.")))

    assert send(**upload(b"x" * 3_000_000)).status_code == 201


def test_a_key_is_400_where_the_response_carries_a_secret():
    response = send(supports_idempotency=False)

    assert (response.status_code, response.data["code"]) == (400, "idempotency_not_supported")
    assert created_location_count() == 0
    assert send(supports_idempotency=False, key=None).status_code == 201


def test_support_can_be_set_for_one_action_of_several():
    view = GenericViewSet()
    view.supports_idempotency = {"create": False}

    assert {action: accepts(view, action) for action in ("create", "publish")} == {"create": False, "publish": True}


def accepts(view: GenericViewSet, action: str) -> bool:
    view.action = action
    return view.accepts_idempotency_key("POST")


def test_a_key_is_ignored_where_the_view_has_no_authentication():
    assert "Idempotency-Replayed" not in (send(authentication_classes=()), send(authentication_classes=()))[1]
    assert created_location_count() == 2


@pytest.mark.parametrize("key", [None, "k-1"])
def test_a_registered_write_runs_first_in_the_same_transaction(key: str | None):
    seen: list[tuple[bool, int, int]] = []

    def write() -> None:
        seen.append((connection.in_atomic_block, IdempotencyKey.objects.count(), created_location_count()))

    assert send(key=key, writes=[write]).status_code == 201
    assert seen == [(True, int(key is not None), 0)]


@pytest.mark.parametrize("key", [None, "k-1"])
def test_a_registered_write_is_rolled_back_with_a_refused_request(key: str | None):
    response = send(key=key, writes=[lambda: make_location("first")], answer=Response(status=409))

    assert response.status_code == 409
    assert created_location_count() == 0


@pytest.mark.parametrize("key", [None, "k-1"])
def test_a_registered_write_may_refuse_the_request(key: str | None):
    def refuse() -> None:
        raise Location.DoesNotExist

    assert send(key=key, writes=[refuse]).status_code == 404
    assert created_location_count() == 0
    assert not IdempotencyKey.objects.exists()


def test_a_registered_write_runs_for_a_replay_too():
    calls: list[int] = []
    for number in range(2):
        send(writes=[lambda number=number: calls.append(number)])

    assert (calls, created_location_count()) == ([0, 1], 1)


def test_a_registered_write_runs_again_when_the_transaction_is_retried(monkeypatch):
    monkeypatch.setattr("pms_backend.api.transactions.FIRST_PAUSE_SECONDS", 0.0)
    calls: list[int] = []
    once = deadlocked_once(lambda: None)

    response = send(writes=[lambda: calls.append(1), once], **upload(b"a,b"))

    assert (response.status_code, len(calls), created_location_count()) == (201, 2, 1)
    assert response.data["files"] == {"file": hashlib.sha256(b"a,b").hexdigest()}


def test_a_read_does_not_run_registered_writes():
    assert send(method="get", key=None, data=None, writes=[lambda: pytest.fail("It was called.")]).status_code == 200


def test_the_database_refuses_a_row_without_a_response_or_with_a_refusal():
    digest = hashlib.sha256(b"").digest()
    for wrong in ({"status": 404, "body": b""}, {"status": 200}, {"body": b""}):
        with pytest.raises(DatabaseError, match="api_idempotencykey_answer_is_a_success"):
            IdempotencyKey.objects.create(digest=digest, fingerprint=digest, **wrong)


def test_the_schema_says_where_a_key_may_be_sent(client: Client):
    paths = client.get("/api/schema/?format=json").json()["paths"]
    posts = {path: operations["post"] for path, operations in paths.items() if "post" in operations}

    taking = {
        path for path, post in posts.items() if any(p["name"] == "Idempotency-Key" for p in post.get("parameters", []))
    }

    assert len(posts) > 10
    # Whoever signs a webhook is no client of ours; its webhook-id does the same. Availability is only read. The others
    # answer with secrets.
    assert set(posts) - taking == {
        "/api/v1/webhooks/endpoints/",
        "/api/v1/webhooks/endpoints/{id}/rotate-secret/",
        "/api/v1/inventory/availability/",
        "/api/v1/webhooks/pms/{slug}/",
        "/api/v1/pms/connections/",
        "/api/v1/pms/connections/{slug}/rotate-secret/",
        "/api/v1/auth/token/",
        "/api/v1/auth/refresh/",
        "/api/v1/access/clients/",
        "/api/v1/access/clients/{id}/rotate/",
        "/api/v1/realtime/tickets/",
        "/api/v1/products/images/uploads/",
    }
    assert "Idempotency-Replayed" in posts[ADJUSTMENTS]["responses"]["201"]["headers"]
    assert {"409", "422"} <= set(posts[ADJUSTMENTS]["responses"])
