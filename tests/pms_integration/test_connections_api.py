"""`/api/v1/pms/connections/`: created, changed, paused, rotated and deleted; a secret is shown once only."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from inventory.models import StockLevel
from pms_backend.access.models import AuditEntry
from pms_backend.access.services import create_api_client
from pms_integration.models import (
    PMSConnection,
    PMSEvent,
    PMSProduct,
    PMSRefetch,
    PMSStock,
    PMSStockPush,
    PMSVariant,
    SyncRun,
)
from pms_integration.services.connections import MAX_SECRET_LENGTH, MIN_SECRET_LENGTH
from pms_integration.services.location_mappings import MAX_MAPPED_LOCATIONS
from products.models import Variant
from tests.access.test_signatures import Signer
from tests.concurrency.threads import DEADLINE_SECONDS
from tests.conftest import ClientWith, JSONClient
from tests.factories import make_connection, make_location, make_product, set_stock, store_webhook
from tests.outbound.servers import Names

pytestmark = pytest.mark.django_db
# For refusals: what a request has written before it was refused is rolled back.
committing = pytest.mark.django_db(transaction=True)

URL = "/api/v1/pms/connections/"
DEMO = f"{URL}demo/"
BASE_URL = "https://pms.example/api"
TOKEN = "secret-token-0123456789"
NONE_REFUSED = {"count_24h": 0, "last_at": None, "last_reason": None}
CLOSED = {
    "circuit": "closed",
    "last_contact_at": None,
    "last_error": "",
    "next_try_at": None,
    "refused_webhooks": NONE_REFUSED,
}


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(monkeypatch)
    names.set("pms.example", ["93.184.216.34"])
    names.set("other.example", ["93.184.216.35"])
    names.set("inside.example", ["10.0.0.1"])


def audited() -> list[tuple[str, dict[str, Any]]]:
    """What was done, with the detail, and from what to what by field."""
    found = AuditEntry.objects.filter(action__startswith="pms_connection.").order_by("id")
    return [(entry.action.removeprefix("pms_connection."), entry.detail | pairs(entry)) for entry in found]


def pairs(entry: AuditEntry) -> dict[str, tuple[Any, Any]]:
    return {change["field"]: (change["from"], change["to"]) for change in entry.changes}


def secrets() -> tuple[str, str | None]:
    """The present and the previous one of the only connection."""
    connection = PMSConnection.objects.get()
    return connection.secret, connection.previous_secret


def errors_of(response: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in response.json()["errors"]]


def mapped(*rows: tuple[str, str, bool]) -> list[dict[str, Any]]:
    names = ("location", "external_id", "owns_stock")
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_a_connection_is_made_with_its_secret_in_the_answer_and_nowhere_else(api: JSONClient):
    make_location("main")
    sent = {
        "slug": "demo", "name": "Shop", "base_url": f"{BASE_URL}/", "credentials": {"token": TOKEN},
        "locations": [{"location": "main", "external_id": "HQ", "owns_stock": True}], "sync_every_seconds": 60,
    }  # fmt: skip

    made = api.post(URL, sent)

    pms = PMSConnection.objects.get()
    expected = {
        "slug": "demo", "name": "Shop", "kind": "standard", "base_url": BASE_URL, "is_active": True,
        "is_paused": False, "ownership": {"content": "pms", "price": "pms", "publication": "pms"},
        "locations": mapped(("main", "HQ", True)), "sync_every_seconds": 60, "state": CLOSED,
        "publishes": {"mode": "manual", "categories": [], "tags": [], "brands": []},
    }  # fmt: skip
    assert (made.status_code, made.json()) == (201, expected | {"secret": pms.secret})
    assert made["Cache-Control"] == "no-store"
    assert pms.secret.startswith("whsec_")
    assert pms.credential_values == {"token": TOKEN}
    assert api.get(DEMO).json() == expected
    assert api.get(URL).json()["results"] == [expected]


def test_the_least_is_a_slug_and_a_name(api: JSONClient):
    made = api.post(URL, {"slug": "demo", "name": "Shop"}).json()

    assert (made["kind"], made["base_url"], made["locations"], made["sync_every_seconds"]) == (
        *("standard", None, []),
        None,
    )


def test_owners_of_field_groups_are_set_by_themselves(api: JSONClient):
    made = api.post(URL, {"slug": "demo", "name": "Shop", "ownership": {"price": "local"}}).json()
    changed = api.patch(DEMO, {"ownership": {"content": "shared"}})
    untouched = api.patch(DEMO, {"ownership": {}})

    assert made["ownership"] == {"content": "pms", "price": "local", "publication": "pms"}
    expected = {"content": "shared", "price": "local", "publication": "pms"}
    assert changed.json()["ownership"] == untouched.json()["ownership"] == api.get(DEMO).json()["ownership"] == expected
    assert audited()[-1] == ("updated", {"ownership.content": ("pms", "shared")})
    for ownership in ({"content": "both"}, {"content": None}, "pms", None):
        assert api.patch(DEMO, {"ownership": ownership}).status_code == 422
    assert api.get(DEMO).json()["ownership"] == expected


def test_what_is_done_is_audited_without_secrets(api: JSONClient):
    make_location("main")
    api.post(URL, {"slug": "demo", "name": "Shop", "base_url": BASE_URL, "credentials": {"token": TOKEN}})
    api.patch(DEMO, {"name": "Store", "is_active": False, "locations": mapped(("main", "HQ", False))})
    api.post(f"{DEMO}rotate-secret/", {"at_once": True})
    api.post(f"{DEMO}pause/")
    api.delete(DEMO)

    called = {"base_url": (None, BASE_URL), "credentials.token": (None, "set")}
    main = {"locations[main].external_id": (None, "HQ"), "locations[main].owns_stock": (None, False)}
    assert audited() == [
        ("created", {"kind": "standard", **called}),
        ("updated", {"name": ("Shop", "Store"), "is_active": (True, False), **main}),
        ("secret_rotated", {"at_once": True}),
        ("updated", {"is_paused": (False, True)}),
        ("deleted", {}),
    ]
    assert {entry.actor for entry in AuditEntry.objects.filter(subject="pms_connection:demo")} == {"client:tests"}


def test_a_secret_of_the_pms_is_taken_and_not_shown(api: JSONClient):
    made = api.post(URL, {"slug": "demo", "name": "Shop", "secret": "shpss_0123456789abcdef"})
    rotated = api.post(f"{DEMO}rotate-secret/", {"secret": "shpss_fedcba9876543210"})

    assert (made.status_code, rotated.status_code) == (201, 200)
    assert "secret" not in made.json()
    assert "secret" not in rotated.json()
    assert secrets() == ("shpss_fedcba9876543210", "shpss_0123456789abcdef")


@pytest.mark.parametrize("method", ["create", "rotate"])
def test_an_answer_with_a_secret_takes_no_key(api: JSONClient, method: str):
    make_connection()
    before = PMSConnection.objects.get().secret
    url = URL if method == "create" else f"{DEMO}rotate-secret/"

    refused = api.post(url, {"slug": "other", "name": "Other"}, headers={"Idempotency-Key": "k-1"})

    assert (refused.status_code, refused.json()["code"]) == (400, "idempotency_not_supported")
    assert list(PMSConnection.objects.values_list("slug", "secret")) == [("demo", before)]


A_OF_MAIN = ("main", "A", False)
REFUSED: list[tuple[dict[str, Any], int, tuple[str, str]]] = [
    ({"slug": "taken"}, 409, ("/slug", "slug_taken")),
    ({"slug": "a b"}, 422, ("/slug", "invalid")),
    ({"kind": "abacus"}, 422, ("/kind", "unknown_kind")),
    ({"base_url": "http://127.0.0.1/"}, 422, ("/base_url", "outbound_forbidden")),
    ({"base_url": "https://inside.example/"}, 422, ("/base_url", "outbound_forbidden")),
    ({"base_url": f"{BASE_URL}?a=b"}, 422, ("/base_url", "invalid_base_url")),
    ({"base_url": ""}, 422, ("/base_url", "blank")),
    ({"credentials": {"token": TOKEN}}, 422, ("/credentials", "invalid_credentials")),
    ({"base_url": BASE_URL, "credentials": {"a/b": TOKEN}}, 422, ("/credentials/a~1b", "invalid_credentials")),
    ({"base_url": BASE_URL, "credentials": {"token": "ä"}}, 422, ("/credentials/token", "invalid_credentials")),
    ({"sync_every_seconds": 59}, 422, ("/sync_every_seconds", "min_value")),
    ({"secret": "x" * (MIN_SECRET_LENGTH - 1)}, 422, ("/secret", "min_length")),
    ({"secret": "x" * (MAX_SECRET_LENGTH + 1)}, 422, ("/secret", "max_length")),
    ({"locations": mapped(A_OF_MAIN, ("west", "A", False))}, 409, ("/locations/1/external_id", "external_id_taken")),
    ({"locations": mapped(A_OF_MAIN, ("main", "B", False))}, 422, ("/locations/1/location", "repeated_location")),
    ({"locations": mapped(A_OF_MAIN, ("moon", "B", False))}, 422, ("/locations/1/location", "unknown_location")),
    ({"locations": mapped(A_OF_MAIN, ("west", "B", True))}, 409, ("/locations/1/owns_stock", "stock_owned")),
]  # fmt: skip


@committing
@pytest.mark.parametrize(("more", "status", "error"), REFUSED)
def test_what_is_refused_makes_nothing(api: JSONClient, more: dict[str, Any], status: int, error: tuple[str, str]):
    make_location("main")
    make_connection("taken", owns=make_location("west"))
    before = audited()

    refused = api.post(URL, {"slug": "demo", "name": "Shop", "sync_every_seconds": 60, **more})

    assert (refused.status_code, errors_of(refused)) == (status, [error])
    assert list(PMSConnection.objects.values_list("slug", flat=True)) == ["taken"]
    assert audited() == before


@committing
@pytest.mark.parametrize(
    ("more", "status", "error"), [row for row in REFUSED if not {"slug", "kind", "secret"} & {*row[0]}]
)
def test_what_is_refused_changes_nothing(api: JSONClient, more: dict[str, Any], status: int, error: tuple[str, str]):
    main, west = make_location("main"), make_location("west")
    make_connection("taken", owns=west)
    make_connection("demo", owns=main)
    before = api.get(DEMO).json(), audited()

    refused = api.patch(DEMO, {"name": "Store", **more})

    assert (refused.status_code, errors_of(refused)) == (status, [error])
    assert (api.get(DEMO).json(), audited()) == before


def test_a_patch_changes_what_it_names(api: JSONClient):
    make_connection("demo", owns=make_location("main"))
    before = api.get(DEMO).json()

    changed = api.patch(DEMO, {"name": "Store", "sync_every_seconds": 3_600}, format="json")

    assert (changed.status_code, changed.json()) == (200, before | {"name": "Store", "sync_every_seconds": 3_600})
    assert api.patch(DEMO, {"sync_every_seconds": None}).json() == before | {"name": "Store"}


def test_a_patch_may_be_a_merge_patch_by_its_type(api: JSONClient):
    make_connection()

    changed = api.patch(DEMO, orjson.dumps({"is_paused": True}), content_type="application/merge-patch+json")

    assert (changed.status_code, changed.json()["is_paused"]) == (200, True)


def test_a_connection_that_is_sent_back_as_it_was_read_changes_nothing(api: JSONClient):
    make_connection("demo", owns=make_location("main"))
    api.patch(DEMO, {"base_url": BASE_URL, "credentials": {"token": TOKEN}})
    whole, before = api.get(DEMO).json(), audited()

    sent_back = api.patch(DEMO, whole)

    assert (sent_back.status_code, sent_back.json(), audited()) == (200, whole, before)


@pytest.mark.parametrize(("name", "value"), [("slug", "other"), ("kind", "other")])
def test_slug_and_kind_do_not_change(api: JSONClient, name: str, value: str):
    make_connection()

    refused = api.patch(DEMO, {name: value})

    assert (refused.status_code, errors_of(refused)) == (422, [(f"/{name}", "fixed_field")])
    assert api.get(DEMO).status_code == 200


def test_the_state_is_read_only(api: JSONClient):
    make_connection()
    until = timezone.now().replace(microsecond=0)
    PMSConnection.objects.update(circuit="open", failures=5, next_try_at=until, last_error="It broke.")

    shown = api.patch(DEMO, {"state": CLOSED}).json()["state"]

    moment = until.isoformat().replace("+00:00", "Z")
    assert shown == CLOSED | {"circuit": "open", "last_error": "It broke.", "next_try_at": moment}


@pytest.mark.parametrize("removal", [{"token": None}, None])
def test_credentials_are_a_merge_patch(api: JSONClient, removal: Any):
    make_connection()
    api.patch(DEMO, {"base_url": BASE_URL, "credentials": {"token": TOKEN}})
    api.patch(DEMO, {"credentials": {}})
    assert PMSConnection.objects.get().credential_values == {"token": TOKEN}

    api.patch(DEMO, {"credentials": {"token": "another-token"}})
    assert PMSConnection.objects.get().credential_values == {"token": "another-token"}

    removed = api.patch(DEMO, {"credentials": removal})
    assert removed.status_code == 200
    assert "credentials" not in removed.json()
    assert PMSConnection.objects.get().credentials is None
    assert audited()[-1] == ("updated", {"credentials.token": ("set", None)})


def test_another_origin_gets_no_credentials(api: JSONClient):
    make_connection()
    api.patch(DEMO, {"base_url": BASE_URL, "credentials": {"token": TOKEN}})

    api.patch(DEMO, {"base_url": "https://other.example/api"})

    assert PMSConnection.objects.get().credentials is None


def test_no_secret_is_in_any_answer(api: JSONClient):
    make_connection()
    api.patch(DEMO, {"base_url": BASE_URL, "credentials": {"token": TOKEN}})
    pms = PMSConnection.objects.get()

    answers = [
        *(api.get(DEMO), api.get(URL), api.patch(DEMO, {"name": "Store"}), api.post(f"{DEMO}pause/")),
        *(api.patch(DEMO, {"credentials": {"token": [TOKEN]}}), api.get("/api/v1/access/audit/")),
    ]

    for answer in answers:
        assert TOKEN not in answer.content.decode()
        assert pms.secret not in answer.content.decode()


def test_a_list_of_locations_replaces_all_mappings(api: JSONClient):
    make_connection("demo", owns=make_location("main"))
    make_location("west")

    def replaced(*rows: tuple[str, str, bool]) -> Any:
        answer = api.patch(DEMO, {"locations": mapped(*rows)})
        assert answer.status_code == 200
        return answer.json()["locations"]

    both = (("main", "A", True), ("west", "B", False))
    assert replaced(*both) == mapped(*both)
    exchanged = (("main", "B", True), ("west", "A", False))
    assert replaced(*exchanged) == mapped(*exchanged)
    assert replaced(("west", "A", True)) == mapped(("west", "A", True))
    assert replaced() == []
    assert api.patch(DEMO, {"locations": [{"location": "main", "external_id": "A"}]}).json()["locations"] == mapped(
        ("main", "A", False)
    )


def test_a_mapping_that_stays_is_not_written(api: JSONClient):
    pms = make_connection("demo", owns=make_location("main"))
    make_location("west")
    before = pms.locations.get().pk

    api.patch(DEMO, {"locations": mapped(("west", "B", False), ("main", "main", True))})

    assert pms.locations.get(location__code="main").pk == before


def test_a_list_has_a_limit(api: JSONClient):
    make_connection()
    rows = [(f"L-{number}", str(number), False) for number in range(MAX_MAPPED_LOCATIONS + 1)]

    refused = api.patch(DEMO, {"locations": mapped(*rows)})

    assert (refused.status_code, errors_of(refused)) == (422, [("/locations", "max_length")])


def test_the_owner_of_a_location_with_stock_is_changed_by_its_own_operation_only(api: JSONClient):
    main = make_location("main")
    make_connection("demo", owns=main)
    make_location("west")
    assert api.patch(DEMO, {"locations": mapped(("main", "main", False))}).status_code == 200
    assert api.patch(DEMO, {"locations": mapped(("main", "main", True))}).status_code == 200
    make_product("A-1")
    set_stock("A-1", main, 5)

    refused = api.patch(DEMO, {"locations": mapped(("west", "W", False), ("main", "HQ", False))})

    assert (refused.status_code, refused.json()["code"]) == (409, "owner_in_use")
    assert errors_of(refused) == [("/locations/1/owns_stock", "owner_in_use")]
    assert "/api/v1/pms/connections/demo/ownership/" in refused.json()["detail"]
    assert api.get(DEMO).json()["locations"] == mapped(("main", "main", True))
    assert api.patch(DEMO, {"locations": mapped(("main", "HQ", True))}).status_code == 200


def test_rotating_shows_the_new_secret_and_keeps_the_one_before_for_a_day(api: JSONClient):
    pms = make_connection()

    rotated = api.post(f"{DEMO}rotate-secret/")

    new = rotated.json()["secret"]
    assert (rotated.status_code, rotated["Cache-Control"]) == (200, "no-store")
    assert secrets() == (new, pms.secret)
    at_once = api.post(f"{DEMO}rotate-secret/", {"at_once": True}).json()["secret"]
    assert secrets() == (at_once, None)


def test_pausing_and_resuming_may_be_repeated(api: JSONClient):
    make_connection()

    paused = [api.post(f"{DEMO}pause/").json()["is_paused"] for _ in range(2)]
    resumed = [api.post(f"{DEMO}resume/").json()["is_paused"] for _ in range(2)]

    assert (paused, resumed) == ([True, True], [False, False])
    assert [action for action, _ in audited()] == ["created", "updated", "updated"]


def test_a_connection_from_which_nothing_came_is_deleted_with_its_mappings(api: JSONClient):
    main = make_location("main")
    make_connection("demo", owns=main)

    deleted = api.delete(DEMO)

    assert (deleted.status_code, PMSConnection.objects.count(), main.pms_locations.count()) == (204, 0, 0)
    assert api.get(DEMO).status_code == 404


def _event(pms: PMSConnection) -> None:
    store_webhook(connection=pms, webhook_id="m-1", type="inventory.updated", body=b"{}")


def _stock(pms: PMSConnection) -> None:
    values = {"location": make_location("main"), "on_hand": 1, "reported_at": timezone.now(), "webhook_id": "m-1"}
    PMSStock.objects.create(connection=pms, variant=Variant.objects.get(), **values)


def _push(pms: PMSConnection) -> None:
    set_stock("A-1", make_location("main"), 5)
    values = {"level": StockLevel.objects.get(), "occurred_at": timezone.now()}
    PMSStockPush.objects.create(connection=pms, delta=1, reason="correction", **values)


HANGING: dict[str, Callable[[PMSConnection], Any]] = {
    "PMS events": _event,
    "PMS products": lambda pms: PMSProduct.objects.create(connection=pms, external_id="P1"),
    "PMS variants": lambda pms: PMSVariant.objects.create(
        connection=pms, external_id="V1", variant=Variant.objects.get()
    ),
    "PMS stock": _stock,
    "sync runs": lambda pms: SyncRun.objects.create(connection=pms, mode="full", resources=["stock"], actor="system"),
    "stock pushes": _push,
    "PMS refetches": lambda pms: PMSRefetch.objects.create(connection=pms, resource="product", external_id="P1"),
}


@pytest.mark.parametrize("what", HANGING)
def test_a_connection_on_which_something_hangs_stays(api: JSONClient, what: str):
    make_product("A-1")
    HANGING[what](make_connection())

    refused = api.delete(DEMO)

    assert (refused.status_code, refused.json()["code"]) == (409, "connection_in_use")
    assert refused.json()["detail"] == f"demo has {what}, and stays. Switch it off instead (is_active: false)."
    assert api.get(DEMO).status_code == 200


@committing
def test_a_webhook_that_is_stored_meanwhile_is_not_accepted(api: JSONClient):
    pms = make_connection()

    with ThreadPoolExecutor(1) as pool, pytest.raises(IntegrityError), transaction.atomic():
        _event(pms)
        deleted = pool.submit(_in_a_thread, lambda: api.delete(DEMO)).result(DEADLINE_SECONDS)

    assert (deleted.status_code, PMSConnection.objects.count(), PMSEvent.objects.count()) == (204, 0, 0)


def _in_a_thread(job: Callable[[], Any]) -> Any:
    try:
        return job()
    finally:
        connections.close_all()


@committing
def test_a_client_that_signs_may_give_a_base_url():
    credentials = create_api_client(name="signing", scopes=["pms:write"], signing=True)
    sent = {"slug": "demo", "name": "Shop", "base_url": BASE_URL}

    made = Signer(credentials).post(sent, path=URL, url=f"http://testserver{URL}")

    assert (made.status_code, made.json()["base_url"]) == (201, BASE_URL)


def test_the_list_costs_the_same_for_any_number(api: JSONClient, django_assert_num_queries):
    api.get(URL)
    # The session of the caller is cached; the connections, their locations.
    for number in range(3):
        make_connection(f"demo-{number}", owns=make_location(f"L-{number}"))

    with django_assert_num_queries(2):
        listed = api.get(URL).json()["results"]

    assert [row["slug"] for row in listed] == ["demo-0", "demo-1", "demo-2"]
    assert [row["locations"][0]["location"] for row in listed] == ["L-0", "L-1", "L-2"]


def test_pages_are_by_slug(api: JSONClient):
    for slug in ("b", "c", "a"):
        make_connection(slug)

    first = api.get(URL, {"page_size": 2}).json()
    second = api.get(first["next"]).json()

    assert [row["slug"] for row in first["results"] + second["results"]] == ["a", "b", "c"]


def test_reading_takes_a_scope_and_writing_another(client_with: ClientWith):
    make_connection()
    reader, writer = client_with(["pms:read"]), client_with(["pms:write"])

    assert (reader.get(DEMO).status_code, reader.patch(DEMO, {"name": "x"}).status_code) == (200, 403)
    assert (writer.get(DEMO).status_code, writer.patch(DEMO, {"name": "x"}).status_code) == (403, 200)
