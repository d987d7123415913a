"""Supabase's published keys: fetched seldom, kept through its outages, replaced when it rotates them."""

import time
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt import PyJWK
from jwt.algorithms import HMACAlgorithm, RSAAlgorithm
from prometheus_client import REGISTRY

from pms_backend.access.tokens import jwks
from pms_backend.access.tokens.exceptions import KeysUnavailable
from pms_backend.access.tokens.jwks import MAX_AGE_SECONDS, MAX_BYTES, REFRESH_SECONDS, KeySet, key_set, read_keys
from tests.access.issuer import JWKS_PATH, Project, as_jwk
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.machine import is_within

PRODUCTS = "/api/v1/products/"


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(jwks, "_now", clock)
    return clock


@pytest.fixture
def keys(project: Project) -> KeySet:
    return KeySet(project.url + JWKS_PATH)


def fetches(result: str) -> float:
    return REGISTRY.get_sample_value("pms_jwks_fetches_total", {"result": result}) or 0.0


def ask(token: str) -> tuple[int, str]:
    response = JSONClient().get(PRODUCTS, HTTP_AUTHORIZATION=f"Bearer {token}")
    return response.status_code, response.json().get("code", "")


def test_keys_are_fetched_once(project: Project, keys: KeySet):
    before = fetches("ok")

    found = [keys.get(kid) for kid in ("first", "rsa", "first", "rsa")]

    assert [key.algorithm_name for key in found if key] == ["ES256", "RS256", "ES256", "RS256"]
    assert project.requests == [JWKS_PATH]
    assert fetches("ok") - before == 1


def test_an_address_has_one_key_set_in_a_process():
    assert key_set("https://a") is key_set("https://a")
    assert key_set("https://a") is not key_set("https://b")


def test_a_flood_of_unknown_kids_is_one_fetch_a_minute(project: Project, keys: KeySet, clock: Clock):
    keys.get("first")
    clock.now += REFRESH_SECONDS

    assert [keys.get(f"unknown-{number}") for number in range(100)] == [None] * 100
    assert len(project.requests) == 2

    clock.now += REFRESH_SECONDS - 0.1
    keys.get("unknown")
    assert len(project.requests) == 2

    clock.now += 0.1
    keys.get("unknown")
    assert len(project.requests) == 3


@pytest.mark.django_db
def test_a_flood_by_http_is_one_fetch_and_hurts_nobody(project: Project):
    stranger = Project()
    answers = []
    for number in range(30):
        stranger.add_key(f"unknown-{number}")
        answers.append(ask(stranger.token(f"unknown-{number}", iss=f"{project.url}/auth/v1")))

    assert set(answers) == {(401, "token_not_valid")}
    assert ask(project.token("first"))[0] == 200
    assert project.requests == [JWKS_PATH]


@pytest.mark.django_db
def test_a_new_key_is_picked_up_when_its_kid_is_unknown(project: Project, clock: Clock):
    assert ask(project.token("first"))[0] == 200
    project.add_key("second")
    assert ask(project.token("second")) == (401, "token_not_valid")

    clock.now += REFRESH_SECONDS

    assert ask(project.token("second"))[0] == 200
    assert ask(project.token("first"))[0] == 200


@pytest.mark.django_db
def test_a_withdrawn_key_is_good_for_ten_minutes_at_most(project: Project, clock: Clock):
    token = project.token("first")
    assert ask(token)[0] == 200
    del project.keys["first"]

    clock.now += MAX_AGE_SECONDS
    assert ask(token)[0] == 200
    clock.now += 0.1
    assert ask(token) == (401, "token_not_valid")


@pytest.mark.django_db
def test_known_keys_go_on_working_while_supabase_is_down(project: Project, clock: Clock, caplog):
    token = project.token("first")
    assert ask(token)[0] == 200
    project.stop()
    before = fetches("failed")

    clock.now += MAX_AGE_SECONDS * 100

    assert [ask(token)[0] for _ in range(5)] == [200] * 5
    assert fetches("failed") - before == 1
    assert "Supabase's keys cannot be had" in caplog.text


@pytest.mark.django_db
def test_without_any_key_it_is_401_until_supabase_is_back(project: Project, clock: Clock, caplog):
    token = project.token("first")
    project.answer = (500, b"")
    before = fetches("failed")

    assert [ask(token) for _ in range(5)] == [(401, "token_keys_unavailable")] * 5
    assert len(project.requests) == 1
    assert fetches("failed") - before == 1
    assert "it answered 500" in caplog.text

    project.answer = None
    clock.now += REFRESH_SECONDS
    assert ask(token)[0] == 200


@pytest.mark.parametrize(
    "answer",
    [(404, b"{}"), (204, b""), (302, b""), (200, b""), (200, b"<html>"), (200, b"[]"), (200, b"null"), (200, b"{}"),
     (200, b'{"keys": null}'), (200, b'{"keys": {}}'), (200, b" " * (MAX_BYTES + 1))],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_key_set_leaves_the_known_keys(
    project: Project, keys: KeySet, clock: Clock, answer: tuple[int, bytes]
):
    keys.get("first")
    project.answer = answer
    clock.now += MAX_AGE_SECONDS + 1

    assert keys.get("first") is not None
    assert len(project.requests) == 2


def test_64_kib_are_read_and_no_more(project: Project, keys: KeySet):
    assert MAX_BYTES == 65_536
    project.answer = (200, project.jwks().ljust(MAX_BYTES))

    assert keys.get("first") is not None


def test_a_key_set_of_more_is_none(project: Project, keys: KeySet):
    project.answer = (200, project.jwks().ljust(MAX_BYTES + 1))

    with pytest.raises(KeysUnavailable):
        keys.get("first")


def test_a_redirect_is_not_followed(project: Project, keys: KeySet):
    project.answer, project.headers = (302, b""), {"Location": f"{project.url}/elsewhere"}

    with pytest.raises(KeysUnavailable):
        keys.get("first")
    assert project.requests == [JWKS_PATH]


def test_a_server_that_does_not_answer_is_given_up(project: Project, keys: KeySet, monkeypatch):
    monkeypatch.setattr(jwks, "FETCH_TIMEOUT_SECONDS", 0.2)
    project.pause = 1.0
    began = time.monotonic()

    with pytest.raises(KeysUnavailable):
        keys.get("first")
    assert is_within(time.monotonic() - began, 0.9)


def test_threads_that_come_at_once_share_one_fetch(project: Project, keys: KeySet):
    project.pause = 0.2

    found = at_once([lambda: keys.get("first")] * 8)

    assert all(isinstance(key, PyJWK) for key in found), found
    assert len(project.requests) == 1


def test_a_known_key_waits_for_no_fetch(project: Project, keys: KeySet, clock: Clock):
    keys.get("first")
    clock.now += MAX_AGE_SECONDS + 1
    project.pause = 0.5

    def timed() -> float:
        began = time.monotonic()
        assert keys.get("first") is not None
        return time.monotonic() - began

    waits = sorted(at_once([timed] * 4))

    assert waits[2] < 0.3
    assert waits[3] >= 0.5
    assert len(project.requests) == 2


def entry(**changes: Any) -> dict[str, Any]:
    return {**as_jwk("a", ec.generate_private_key(ec.SECP256R1())), **changes}


@pytest.mark.parametrize(
    "unusable",
    [
        None, 5, "a", [], {}, entry(kid=None), entry(kid=5), entry(use="enc"), entry(alg="ES384"), entry(alg="HS256"),
        entry(alg=[]), entry(kty="oct"), entry(kty=None), entry(kty=[]), entry(crv="P-384"), entry(crv=5),
        entry(x=None), entry(x="AA"), entry(x="!"), entry(x="ä"), entry(y=5), entry(kty="RSA"),
        entry(kty="RSA", alg="RS256", n="", e=""),
        {"kty": "oct", "kid": "a", "k": HMACAlgorithm.to_jwk(b"x" * 32, as_dict=True)["k"], "alg": "HS256"},
    ],
    ids=range(24),
)  # fmt: skip
def test_an_unusable_key_is_left_out_and_the_others_stay(unusable: Any):
    body = orjson.dumps({"keys": [unusable, entry(kid="good")]})

    assert list(read_keys(body)) == ["good"]


def test_a_private_key_that_was_published_is_used_as_a_public_one():
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    body = orjson.dumps({"keys": [{**RSAAlgorithm.to_jwk(private, as_dict=True), "kid": "a"}]})

    assert isinstance(read_keys(body)["a"].key, rsa.RSAPublicKey)


@pytest.mark.django_db
def test_a_short_rsa_key_is_refused(project: Project):
    project.keys["short"] = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    with pytest.warns(match="1024"):
        token = project.token("short")

    assert ask(token) == (401, "token_not_valid")
