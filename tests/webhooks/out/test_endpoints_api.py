"""`/api/v1/webhooks/endpoints/`: made, changed, tried, rotated, disabled and enabled, replayed and deleted."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pms_backend.access.models import DEFAULT_TIER, INTERNAL_TIER, AuditEntry
from pms_backend.access.services import create_api_client
from pms_backend.events.domain_events import event_types
from pms_backend.events.models import Event, FeedHead
from pms_backend.events.services import relay_pending
from tests.conftest import ClientWith, JSONClient
from tests.history import changes_of, history_writes
from tests.outbound.servers import LocalServer, Names
from tests.webhooks.out.delivering import make_endpoint, publish, read, send_all, verified
from webhooks.models import (
    MAX_DESCRIPTION_LENGTH,
    MAX_EVENT_TYPES,
    MAX_URL_LENGTH,
    Delivery,
    WebhookEndpoint,
    unsettled,
)
from webhooks.services.endpoints import MAX_HEADER_LENGTH, MAX_HEADERS, SWITCHED_OFF

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/webhooks/endpoints/"
HOOK = "https://shop.example/hook/?a=1"
SENT = {"url": HOOK, "event_types": ["stock.*"]}


@pytest.fixture(autouse=True)
def _names(names: Names) -> None:
    names.set("shop.example", ["93.184.216.34"])
    names.set("other.example", ["93.184.216.35"])


def made(client: JSONClient, **more: Any) -> dict[str, Any]:
    response = client.post(URL, SENT | more)
    assert response.status_code == 201, response.content
    answer: dict[str, Any] = response.json()
    return answer


def own(endpoint: dict[str, Any]) -> str:
    return f"{URL}{endpoint['id']}/"


def errors_of(response: Any) -> list[tuple[str, str]]:
    assert response.status_code == 422, response.content
    return [(error["pointer"], error["code"]) for error in response.json()["errors"]]


def audited() -> list[tuple[str, dict[str, Any]]]:
    found = AuditEntry.objects.filter(action__startswith="webhook_endpoint.").order_by("id")
    return [(entry.action.removeprefix("webhook_endpoint."), entry.detail) for entry in found]


def test_an_endpoint_is_made_with_its_secret_in_the_answer_and_nowhere_else(api: JSONClient):
    response = api.post(URL, {**SENT, "description": "Shop", "headers": {"Authorization": "Bearer token-1"}})

    endpoint = WebhookEndpoint.objects.get()
    expected = {
        "id": endpoint.pk, "url": HOOK, "description": "Shop", "event_types": ["stock.*"], "is_active": True,
        "disabled_reason": "", "disabled_at": None,
    }  # fmt: skip
    assert (response.status_code, response.json()) == (201, expected | {"secret": endpoint.secret})
    assert response["Cache-Control"] == "no-store"
    assert endpoint.secret.startswith("whsec_")
    assert api.get(f"{URL}{endpoint.pk}/").json() == expected
    assert api.get(URL).json()["results"] == [expected]
    assert "token-1" not in str(audited())
    assert endpoint.secret not in str(audited())
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret, headers FROM webhooks_webhookendpoint")
        assert not {endpoint.secret, "token-1"} & {part for row in cursor.fetchall() for part in row}


def test_a_change_is_in_the_history_from_what_to_what_in_one_statement(api: JSONClient):
    endpoint = made(api, headers={"X-One": "token-1"})
    change = {"description": "Shop", "headers": {"X-One": "token-2", "X-Two": "token-3"}, "event_types": ["*"]}

    with history_writes() as writes:
        api.patch(own(endpoint), change)
    with history_writes() as writes_of_nothing:
        api.patch(own(endpoint), {"description": "Shop"})
    api.patch(own(endpoint), {"is_active": False})

    updated, disabled = AuditEntry.objects.filter(subject=f"endpoint:{endpoint['id']}").order_by("id")[1:]
    assert (len(writes), writes_of_nothing, updated.action) == (1, [], "webhook_endpoint.updated")
    assert changes_of(updated) == [
        ("description", "", "Shop"),
        ("event_types", ["stock.*"], ["*"]),
        ("headers.X-One", "set", "set"),
        ("headers.X-Two", None, "set"),
    ]
    assert (disabled.action, changes_of(disabled)) == ("webhook_endpoint.disabled", [("is_active", True, False)])
    assert "token-" not in str(list(AuditEntry.objects.values()))


def test_the_history_does_not_tell_whether_a_given_header_is_the_same(api: JSONClient):
    endpoint = made(api, headers={"X-One": "token-1", "X-Two": "token-2"})

    for guess in ("token-1", "token-0"):
        api.patch(own(endpoint), {"headers": {"X-One": guess}})

    entries = AuditEntry.objects.filter(action="webhook_endpoint.updated")
    assert [changes_of(entry) for entry in entries] == [[("headers.X-One", "set", "set")]] * 2


def test_headers_are_written_and_never_read(api: JSONClient):
    endpoint = made(api, headers={"X-One": "1", "X-Two": "2"})
    answers = [api.get(own(endpoint)), api.get(URL), api.patch(own(endpoint), {"headers": {"x-one": None, "X-3": "3"}})]

    assert not any("headers" in str(answer.json()) for answer in [*answers])
    assert WebhookEndpoint.objects.get().header_values == {"X-Two": "2", "X-3": "3"}
    api.patch(own(endpoint), {"headers": None})
    assert WebhookEndpoint.objects.get().header_values == {}


def test_with_another_url_the_headers_are_forgotten(api: JSONClient):
    endpoint = made(api, headers={"Authorization": "secret"})
    api.patch(own(endpoint), {"url": HOOK})
    assert WebhookEndpoint.objects.get().header_values == {"Authorization": "secret"}

    changed = api.patch(own(endpoint), {"url": "https://other.example/"})

    assert changed.json()["url"] == "https://other.example/"
    assert WebhookEndpoint.objects.get().header_values == {}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"url": "x" * (MAX_URL_LENGTH + 1)}, ("/url", "max_length")),
        ({"url": "https://shop.example/#part"}, ("/url", "invalid_url")),
        ({"url": "ftp://shop.example/"}, ("/url", "outbound_forbidden")),
        ({"url": "https://me:you@shop.example/"}, ("/url", "outbound_forbidden")),
        ({"url": ""}, ("/url", "blank")),
        ({"url": None}, ("/url", "null")),
        ({"description": "x" * (MAX_DESCRIPTION_LENGTH + 1)}, ("/description", "max_length")),
        ({"event_types": []}, ("/event_types", "empty")),
        ({"event_types": "stock.*"}, ("/event_types", "not_a_list")),
        ({"event_types": ["stock.*"] * (MAX_EVENT_TYPES + 1)}, ("/event_types", "max_length")),
        ({"event_types": ["stock.*", "stock.unknown"]}, ("/event_types/1", "unknown_event_type")),
        ({"event_types": ["weather.*"]}, ("/event_types/0", "unknown_event_type")),
        ({"event_types": ["*.changed"]}, ("/event_types/0", "unknown_event_type")),
        ({"headers": {"Content-Type": "x"}}, ("/headers/Content-Type", "invalid_headers")),
        ({"headers": {"WebHook-Signature": "x"}}, ("/headers/WebHook-Signature", "invalid_headers")),
        ({"headers": {"User-Agent": "x"}}, ("/headers/User-Agent", "invalid_headers")),
        ({"headers": {"a b": "x"}}, ("/headers/a b", "invalid_headers")),
        ({"headers": {"a/b": "x"}}, ("/headers/a~1b", "invalid_headers")),
        ({"headers": {"X-A": "x\r\nHost: y"}}, ("/headers/X-A", "invalid_headers")),
        ({"headers": {"X-A": "ä"}}, ("/headers/X-A", "invalid_headers")),
        ({"headers": {"X-A": "x" * (MAX_HEADER_LENGTH + 1)}}, ("/headers/X-A", "max_length")),
        ({"headers": {"X-A": "1", "x-a": "2"}}, ("/headers", "invalid_headers")),
        ({"headers": {f"X-{n}": "1" for n in range(MAX_HEADERS + 1)}}, ("/headers", "invalid_headers")),
        ({"is_active": "maybe"}, ("/is_active", "invalid")),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_changes(
    api: JSONClient, change: dict[str, Any], expected: tuple[str, str]
):
    assert errors_of(api.post(URL, SENT | change)) == [expected]
    assert not WebhookEndpoint.objects.exists()

    endpoint = made(api)
    assert errors_of(api.patch(own(endpoint), change)) == [expected]
    assert api.get(own(endpoint)).json() == {name: endpoint[name] for name in endpoint if name != "secret"}
    assert [action for action, _ in audited()] == ["created"]


def test_every_type_and_every_beginning_of_one_may_be_asked_for(api: JSONClient):
    kinds = event_types()
    assert made(api, event_types=["*", "stock.*", "stock.ch*", *kinds[: MAX_EVENT_TYPES - 3]])["event_types"][0] == "*"
    assert made(api, event_types=["stock.*", "stock.*"])["event_types"] == ["stock.*"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
        "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:10.0.0.1]/", "http://localhost/",
        "http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/", "http://10.0.0.1:8080/", "http://inside.example/",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused_when_it_is_given(api: JSONClient, names: Names, settings, url: str):
    settings.OUTBOUND_ALLOW = []
    names.set("localhost", ["127.0.0.1"])
    names.set("inside.example", ["93.184.216.34", "10.0.0.1"])
    endpoint = made(api)

    assert errors_of(api.post(URL, SENT | {"url": url})) == [("/url", "outbound_forbidden")]
    assert errors_of(api.patch(own(endpoint), {"url": url})) == [("/url", "outbound_forbidden")]
    assert WebhookEndpoint.objects.get().url == HOOK


def test_a_client_sees_and_changes_its_own_endpoints_and_an_internal_one_all(api: JSONClient, client_with: ClientWith):
    first, second = (client_with(["webhooks:read", "webhooks:write"]) for _ in range(2))
    mine, others = made(first), made(second)
    publish_to(mine, others)

    assert [row["id"] for row in first.get(URL).json()["results"]] == [mine["id"]]
    assert {row["id"] for row in api.get(URL).json()["results"]} == {mine["id"], others["id"]}
    deliveries = first.get("/api/v1/webhooks/deliveries/").json()["results"]
    assert {row["endpoint"] for row in deliveries} == {mine["id"]}
    hidden = Delivery.objects.get(endpoint=others["id"]).pk
    assert first.get(f"/api/v1/webhooks/deliveries/{hidden}/").status_code == 404
    assert first.post(f"/api/v1/webhooks/deliveries/{hidden}/redeliver/").status_code == 404
    assert first.get(own(others)).status_code == 404
    assert first.patch(own(others), {"description": "x"}).status_code == 404
    assert first.delete(own(others)).status_code == 404
    for action in ("rotate-secret", "test", "enable"):
        assert first.post(f"{own(others)}{action}/", {}).status_code == 404
    assert first.post(f"{own(others)}replay/", {"since": 1}).status_code == 404
    assert WebhookEndpoint.objects.count() == 2


def publish_to(*endpoints: dict[str, Any]) -> None:
    WebhookEndpoint.objects.filter(pk__in=[endpoint["id"] for endpoint in endpoints]).update(event_types=["thing.*"])
    publish("a")


def test_reading_needs_a_scope_and_writing_another(client_with: ClientWith):
    reader = client_with(["webhooks:read"])
    assert reader.get(URL).status_code == 200
    assert reader.post(URL, SENT).status_code == 403
    assert client_with(["webhooks:write"]).get(URL).status_code == 403


def test_a_secret_is_rotated_and_shown_once(api: JSONClient):
    endpoint = made(api)
    rotated = api.post(f"{own(endpoint)}rotate-secret/")

    found = WebhookEndpoint.objects.get()
    assert rotated.json() == endpoint | {"secret": found.secret}
    assert rotated["Cache-Control"] == "no-store"
    assert found.valid_secrets == [found.secret, endpoint["secret"]]
    api.post(f"{own(endpoint)}rotate-secret/", {"at_once": True})
    assert len(WebhookEndpoint.objects.get().valid_secrets) == 1
    assert [action for action, _ in audited()] == ["created", "secret_rotated", "secret_rotated"]
    assert errors_of(api.post(f"{own(endpoint)}rotate-secret/", {"at_once": "?"})) == [("/at_once", "invalid")]


@pytest.mark.parametrize("action", ["", "rotate-secret"])
def test_what_answers_with_a_secret_supports_no_idempotency_key(api: JSONClient, action: str):
    endpoint = made(api)
    url = f"{own(endpoint)}{action}/" if action else URL
    refused = api.post(url, SENT, headers={"Idempotency-Key": "once"})

    assert (refused.status_code, refused.json()["code"]) == (400, "idempotency_not_supported")
    assert WebhookEndpoint.objects.count() == 1
    assert WebhookEndpoint.objects.get().secret == endpoint["secret"]


def test_a_replay_supports_an_idempotency_key(api: JSONClient):
    endpoint = made(api)
    publish_to(endpoint)
    answers = [api.post(f"{own(endpoint)}replay/", {"since": 1}, headers={"Idempotency-Key": "once"}) for _ in range(2)]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(202, {"events": 1})] * 2
    assert [action for action, _ in audited()].count("replayed") == 1


def test_a_test_is_sent_to_this_endpoint_only(client_with: ClientWith, subscriber: LocalServer):
    client = client_with(["webhooks:read", "webhooks:write"])
    made(client)
    tried = made(client, url=f"http://127.0.0.1:{subscriber.port}/")

    response = client.post(f"{own(tried)}test/")
    relay_pending()
    send_all()

    assert response.status_code == 202
    [received] = subscriber.received
    body = verified(tried["secret"], received)
    assert (body["type"], body["subject"]) == ("webhook.test", f"endpoint:{tried['id']}")
    assert Delivery.objects.count() == 1


def test_it_is_switched_off_and_enabled(api: JSONClient):
    endpoint = made(api)
    publish_to(endpoint)
    off = api.patch(own(endpoint), {"is_active": False}).json()
    assert (off["is_active"], off["disabled_reason"], off["disabled_at"] is None) == (False, SWITCHED_OFF, False)
    for action, body in (("test", {}), ("replay", {"since": 1})):
        refused = api.post(f"{own(endpoint)}{action}/", body)
        assert (refused.status_code, refused.json()["code"]) == (409, "endpoint_disabled")

    on = api.post(f"{own(endpoint)}enable/", {"replay": True})

    assert (on.status_code, on.json()["is_active"], on.json()["disabled_reason"]) == (200, True, "")
    assert unsettled().count() == 1
    assert api.post(f"{own(endpoint)}enable/").status_code == 200


def test_an_endpoint_may_be_made_disabled(api: JSONClient):
    assert made(api, is_active=False)["is_active"] is False


def test_what_is_not_kept_is_gone(api: JSONClient):
    endpoint = made(api)
    publish_to(endpoint)
    api.patch(own(endpoint), {"is_active": False})
    Event.objects.all().delete()
    FeedHead.objects.update(pruned_to=1)

    gone = api.post(f"{own(endpoint)}enable/", {"replay": True})

    assert (gone.status_code, gone.json()["code"]) == (410, "sequence_expired")
    assert not read(WebhookEndpoint.objects.get()).is_active


@pytest.mark.parametrize("since", [0, -1, 2**63, 1.5, True, None, "yesterday", "2026-01-01T00:00:00", [], {}])
def test_a_period_has_a_sequence_or_a_moment(api: JSONClient, since: object):
    endpoint = made(api)
    [(pointer, _)] = errors_of(api.post(f"{own(endpoint)}replay/", {"since": since}))

    assert pointer == "/since"


def test_a_period_may_mix_sequences_and_moments(api: JSONClient):
    endpoint = made(api)
    publish_to(endpoint)
    url = f"{own(endpoint)}replay/"

    assert api.post(url, {"since": "2000-01-01T00:00:00Z", "until": 1}).json() == {"events": 1}
    assert api.post(url, {"since": "2000-01-01T00:00:00Z", "until": "2000-01-02T00:00:00Z"}).json() == {"events": 0}
    assert api.post(url, {"since": 1, "until": "2999-01-01T00:00:00Z"}).json() == {"events": 1}
    assert api.post(url, {"since": 1, "until": None}).json() == {"events": 1}
    assert api.post(url, {"since": 2**63 - 1}).json() == {"events": 0}


def test_an_endpoint_is_deleted(api: JSONClient):
    endpoint = made(api)
    publish_to(endpoint)

    assert api.delete(own(endpoint)).status_code == 204

    assert not WebhookEndpoint.objects.exists()
    assert not Delivery.objects.exists()
    assert audited()[-1] == ("deleted", {"url": HOOK})
    assert api.delete(own(endpoint)).status_code == 404


def test_the_owner_is_the_client_and_of_what_staff_make_nobody(api: JSONClient):
    made(api)
    assert WebhookEndpoint.objects.get().owner.startswith("client:")
    key = create_api_client(name="other", scopes=["webhooks:read"], tier=DEFAULT_TIER).api_key
    other = JSONClient()
    other.credentials(HTTP_X_API_KEY=key)
    assert other.get(URL).json()["results"] == []


def test_lists_cost_the_same_however_long_they_are(client_with: ClientWith, subscriber: LocalServer):
    client = client_with(["webhooks:read"], tier=INTERNAL_TIER)
    urls = (URL, "/api/v1/webhooks/deliveries/")

    def queries() -> list[int]:
        counts = []
        for url in urls:
            client.get(url)
            with CaptureQueriesContext(connection) as captured:
                client.get(url)
            counts.append(len(captured))
        return counts

    make_endpoint(subscriber)
    publish("a")
    send_all()
    few = queries()
    for _ in range(5):
        make_endpoint(subscriber)
    publish(*"abcdef")
    send_all()

    assert queries() == few
