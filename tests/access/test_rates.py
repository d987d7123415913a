"""Rate limits: what RATE_LIMITS says, and an exact moving window in Redis."""

import time
from collections.abc import Iterator

import orjson
import pytest
from django.core.exceptions import ImproperlyConfigured
from django_redis import get_redis_connection
from prometheus_client import REGISTRY

from pms_backend.access.rates import DEFAULT_RATES, Rate, Verdict, count_request, count_request_of_tier, parse_rates
from tests.concurrency.threads import at_once
from tests.conftest import ClientWith, JSONClient
from tests.factories import make_connection
from tests.outages import redis_down

PRODUCTS = "/api/v1/products/"


@pytest.fixture
def limit(settings):
    def set_limits(**limits: str) -> None:
        settings.RATE_LIMITS = orjson.dumps({name.replace("_", "."): rate for name, rate in limits.items()}).decode()

    return set_limits


@pytest.fixture
def broken_redis() -> Iterator[None]:
    """Redis is away."""
    with redis_down():
        yield


def failures() -> float:
    return REGISTRY.get_sample_value("pms_redis_failures_total", {"use": "rate limit"}) or 0.0


def test_off_is_no_limits():
    assert parse_rates("off") == parse_rates(" OFF ") == {}


def test_nothing_is_the_defaults():
    assert set(parse_rates("")) == set(DEFAULT_RATES)
    assert parse_rates("")["tokens"] == Rate("tokens", 30, 60)


def test_what_is_given_is_merged_over_the_defaults():
    found = parse_rates('{"default.read": "5/hour", "gold.read": "7/day"}')

    assert found["default.read"] == Rate("default.read", 5, 3_600)
    assert found["gold.read"] == Rate("gold.read", 7, 86_400)
    assert found["tokens"] == Rate("tokens", 30, 60)


@pytest.mark.parametrize(
    "setting",
    ["{", "[]", '"5/second"', "5", '{"a": 5}', '{"a": null}', '{"a": "5"}', '{"a": "5/week"}', '{"a": "0/second"}',
     '{"a": "-1/second"}', '{"a": "1.5/second"}', '{"a": "5 / second"}'],
)  # fmt: skip
def test_what_is_no_rate_is_named(setting: str):
    with pytest.raises(ImproperlyConfigured, match=r'^RATE_LIMITS must be "off" or JSON such as'):
        parse_rates(setting)


def test_a_bucket_without_a_rate_has_no_limit(limit):
    limit(a="1/second")

    assert count_request("nothing", "me") is None


def test_no_more_pass_than_the_limit(limit):
    limit(a="3/minute")

    verdicts = [count_request("a", "me") for _ in range(5)]

    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False, False]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0, 0]
    assert all(59 < verdict.reset_seconds <= 60 for verdict in verdicts)


def test_everybody_has_a_window_of_their_own(limit):
    limit(a="1/minute", b="1/minute")

    assert count_request("a", "me").allowed
    assert count_request("a", "you").allowed
    assert count_request("b", "me").allowed
    assert not count_request("a", "me").allowed


def test_a_place_is_free_when_the_oldest_leaves_the_window_and_not_before(limit):
    limit(a="2/second")
    # A machine that is busy with something else is slower than the window: then it is tried once more.
    for client in ("one", "two", "three", "four", "five"):
        began = time.monotonic()
        count_request("a", client)
        time.sleep(0.6)
        count_request("a", client)
        refused = count_request("a", client)
        time.sleep(refused.reset_seconds + 0.02)
        second = [count_request("a", client).allowed for _ in range(2)]
        if time.monotonic() - began < 1.5:
            break

    # Redis rounds up to the next millisecond.
    assert (refused.allowed, refused.reset_seconds <= 0.4) == (False, True)
    assert second == [True, False]


def test_the_window_is_exact_across_threads(limit):
    limit(a="50/minute")

    allowed = at_once([lambda: sum(count_request("a", "me").allowed for _ in range(40))] * 4)

    assert sum(allowed) == 50


def test_no_window_wherever_it_starts_holds_more_than_the_limit(limit):
    limit(a="40/second")
    began = time.monotonic()

    def knock() -> list[float]:
        passed = []
        while time.monotonic() - began < 1.5:
            before = time.monotonic()
            if count_request("a", "me").allowed:
                # The moment of Redis lies between the two: the window is measured from the outside in.
                passed.append((before, time.monotonic()))
            time.sleep(0.002)
        return passed

    passed = sorted(moment for moments in at_once([knock] * 4) for moment in moments)

    assert 80 <= len(passed) <= 100
    assert all(passed[index + 40][1] - passed[index][0] >= 1.0 for index in range(len(passed) - 40))


def test_a_refused_request_takes_no_place(limit):
    limit(a="1/second")
    # A machine that is busy with something else is slower than the window: then it is tried once more.
    for client in ("one", "two", "three", "four", "five"):
        took = count_request("a", client)
        refused = [count_request("a", client) for _ in range(10)]
        if not any(verdict.allowed for verdict in refused):
            break
    time.sleep(1.02)

    assert took.allowed
    assert count_request("a", client).allowed


@pytest.mark.parametrize(("old", "recent"), [(250, 30), (1, 0), (101, 1), (0, 5), (250, 0)])
def test_what_has_left_the_window_is_taken_from_the_log(limit, old, recent):
    limit(a="300/minute")
    redis = get_redis_connection("default")
    seconds, microseconds = redis.time()
    now = seconds * 1_000_000 + microseconds
    for age_seconds, number in ((61, old), (30, recent)):
        for index in range(number):
            redis.lpush("pms:limit:a:me", now - age_seconds * 1_000_000 + index)

    verdict = count_request("a", "me")

    assert (verdict.remaining, redis.llen("pms:limit:a:me")) == (300 - recent - 1, recent + 1)
    assert (verdict.reset_seconds <= 30) == (recent > 0)
    # Keys expire by whole milliseconds: the window and one more, lest a full log ends before its window.
    assert 59_000 < redis.pttl("pms:limit:a:me") <= 60_001


def test_tiers_without_limits_of_their_own_have_the_default_ones(limit):
    limit(default_read="1/minute", default_write="2/minute", gold_read="3/minute")

    assert count_request_of_tier("silver", "me", write=False).rate.limit == 1
    assert count_request_of_tier("silver", "me", write=True).rate.limit == 2
    assert count_request_of_tier("gold", "me", write=False).rate.limit == 3
    assert count_request_of_tier("internal", "me", write=False) is None


def test_the_script_is_sent_again_to_a_redis_that_lost_it(limit):
    limit(a="3/minute")
    count_request("a", "me")
    get_redis_connection("default").script_flush()

    assert [count_request("a", "me").remaining, count_request("a", "me").remaining] == [1, 0]


def test_without_redis_everything_passes_and_is_counted(limit, broken_redis, caplog):
    limit(a="1/minute")
    before = failures()

    assert [count_request("a", "me"), count_request("a", "me")] == [None, None]
    assert failures() - before == 2
    assert "Redis does not answer" in caplog.text


def test_the_headers_are_those_of_the_draft():
    verdict = Verdict(Rate("default.read", 5, 60), allowed=True, remaining=3, reset_seconds=12.3)

    assert verdict.headers() == {
        "ratelimit-policy": ("RateLimit-Policy", '"default.read";q=5;w=60'),
        "ratelimit": ("RateLimit", '"default.read";r=3;t=13'),
    }


@pytest.mark.django_db
def test_responses_have_the_remaining_requests_until_a_client_is_refused(limit, client_with: ClientWith):
    limit(default_read="2/minute", address="100/second")
    client = client_with(["products:read"])

    answers = [client.get(PRODUCTS) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer["RateLimit"].split(";")[1] for answer in answers] == ["r=1", "r=0", "r=0"]
    assert answers[0]["RateLimit-Policy"] == '"default.read";q=2;w=60'
    refused = answers[2]
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["code"] == "rate_limited"
    assert 55 <= int(refused["Retry-After"]) <= 62


@pytest.mark.django_db
def test_reads_and_writes_are_limited_apart(limit, client_with: ClientWith):
    limit(default_read="1/minute", default_write="1/minute")
    client = client_with(["products:read", "products:write"])

    assert client.get(PRODUCTS).status_code == 200
    assert client.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": "A-1"}]}).status_code == 201
    assert client.get(PRODUCTS).status_code == 429
    assert client.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": "A-2"}]}).status_code == 429


@pytest.mark.django_db
def test_an_internal_client_has_no_limit_of_its_own(limit, api: JSONClient):
    limit(default_read="1/minute")

    assert [api.get(PRODUCTS).status_code for _ in range(3)] == [200, 200, 200]


def test_an_address_is_refused_before_anything_is_looked_up(limit, client, django_assert_num_queries, db):
    limit(address="2/minute")

    with django_assert_num_queries(0):
        answers = [client.get("/api/v1/products/", REMOTE_ADDR="10.1.1.1") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[2].json()["code"] == "rate_limited"
    assert int(answers[2]["Retry-After"]) >= 1
    assert answers[2]["X-Request-Id"] == answers[2].json()["request_id"]
    assert client.get("/api/v1/products/", REMOTE_ADDR="10.1.1.2").status_code == 401


def test_health_is_never_refused(limit, client):
    limit(address="1/minute")

    assert [client.get("/health/live").status_code for _ in range(3)] == [200, 200, 200]


@pytest.mark.django_db
def test_webhooks_have_a_bucket_for_each_connection_and_address(limit, client):
    limit(webhooks="1/minute", address="100/second")
    make_connection("demo")
    make_connection("other")

    def knock(slug: str, address: str) -> int:
        url = f"/api/v1/webhooks/pms/{slug}/"
        return client.post(url, b"{}", content_type="application/json", REMOTE_ADDR=address).status_code

    assert [knock("demo", "10.1.1.1"), knock("demo", "10.1.1.1")] == [401, 429]
    assert [knock("demo", "10.1.1.2"), knock("other", "10.1.1.1")] == [401, 401]


@pytest.mark.django_db
def test_without_redis_requests_are_served(limit, broken_redis, client_with: ClientWith):
    limit(default_read="1/minute", address="1/minute")
    client = client_with(["products:read"])

    answers = [client.get(PRODUCTS) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert "RateLimit" not in answers[0]
