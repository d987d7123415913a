"""Signed requests (RFC 9421): a client with a signing key signs every write, each once."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import HMAC_SHA256

from inventory.models import StockMovement
from pms_backend.access import services
from pms_backend.access.models import SignatureNonce
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_location, make_variant

ADJUSTMENTS = "/api/v1/inventory/adjustments/"
LEVELS = "/api/v1/inventory/levels/"
COVERED = ("@method", "@target-uri", "content-digest")
BODY = {"sku": "A-1", "location": "main", "delta": 5, "reason": "receipt"}

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Message:
    """What the library signs."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Signer:
    """A client that signs, as any client would by the documentation."""

    credentials: services.Credentials

    def headers(self, body: bytes, **more: Any) -> dict[str, str]:
        asked: dict[str, Any] = {
            "key_id": self.credentials.signing_key_id,
            "method": "POST",
            "url": f"http://testserver{ADJUSTMENTS}",
            "nonce": secrets.token_hex(8),
            "covered_component_ids": COVERED,
            "secret": self.credentials.signing_key,
            "algorithm": HMAC_SHA256,
            "signed_body": body,
            "age": timedelta(0),
            **more,
        }
        asked["created"] = datetime.now(UTC) - asked.pop("age")
        message = Message(asked.pop("method"), asked.pop("url"))
        key = asked.pop("secret").encode()
        keys = MappingKeyResolver(public_keys={}, private_keys={asked["key_id"]: key})
        signer = HTTPMessageSigner(signature_algorithm=asked.pop("algorithm"), key_resolver=keys)
        signer.sign(message, body=asked.pop("signed_body"), **asked)
        return {"X-Api-Key": self.credentials.api_key, **message.headers}

    def post(self, body: dict[str, Any] = BODY, path: str = ADJUSTMENTS, **more: Any) -> Any:
        raw = orjson.dumps(body)
        return send(self.headers(raw, **more), raw, path)


def send(headers: dict[str, str], raw: bytes, path: str = ADJUSTMENTS) -> Any:
    return JSONClient().post(path, raw, content_type="application/json", headers=headers)


@pytest.fixture
def signer() -> Signer:
    make_variant("A-1")
    make_location("main")
    scopes = ["inventory:write", "inventory:read"]
    return Signer(services.create_api_client(name="till", scopes=scopes, signing=True))


def refused(response: Any) -> tuple[int, str, int]:
    return response.status_code, response.json()["code"], StockMovement.objects.count()


NOTHING_HAPPENED = (401, "signature_invalid", 0)


def test_a_signed_write_is_done(signer: Signer):
    response = signer.post()

    assert response.status_code == 201
    assert SignatureNonce.objects.count() == 1


def test_reads_need_no_signature(signer: Signer):
    assert JSONClient().get(LEVELS, headers={"X-Api-Key": signer.credentials.api_key}).status_code == 200


def test_an_unsigned_write_is_refused(signer: Signer):
    response = send({"X-Api-Key": signer.credentials.api_key}, orjson.dumps(BODY))

    assert refused(response) == NOTHING_HAPPENED


def test_a_client_without_a_signing_key_need_not_sign(signer: Signer):
    plain = services.create_api_client(name="plain", scopes=["inventory:write"])

    assert send({"X-Api-Key": plain.api_key}, orjson.dumps(BODY)).status_code == 201


@pytest.mark.parametrize(
    "wrong",
    [
        {"covered_component_ids": ("@method", "@target-uri"), "signed_body": None},
        {"covered_component_ids": ("@method", "content-digest")},
        {"covered_component_ids": ("@target-uri", "content-digest")},
        {"signed_body": b'{"sku":"A-1","location":"main","delta":500,"reason":"receipt"}'},
        {"url": "http://testserver/api/v1/inventory/counts/"},
        {"url": "http://elsewhere/api/v1/inventory/adjustments/"},
        {"method": "PATCH"},
        {"age": timedelta(minutes=6)},
        {"age": timedelta(minutes=-6)},
        {"nonce": None},
        {"nonce": "n" * 256},
        {"secret": "another"},
    ],
    ids=lambda wrong: "-".join(wrong),
)
def test_what_does_not_verify_is_refused(signer: Signer, wrong: dict[str, Any]):
    assert refused(signer.post(**wrong)) == NOTHING_HAPPENED


@pytest.mark.parametrize("minutes", [4, -4])
def test_a_clock_that_is_minutes_off_is_excused(signer: Signer, minutes: int):
    assert signer.post(age=timedelta(minutes=minutes)).status_code == 201


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Signature", "pyhms=:AAAA:"),
        ("Signature", "nonsense"),
        ("Signature-Input", "pyhms=()"),
        ("Content-Digest", "x"),
    ],
)
def test_damaged_headers_are_refused(signer: Signer, name: str, value: str):
    raw = orjson.dumps(BODY)
    headers = {**signer.headers(raw), name: value}

    assert refused(send(headers, raw)) == NOTHING_HAPPENED


def test_the_key_of_another_client_is_refused(signer: Signer):
    other = services.create_api_client(name="other", scopes=["inventory:write"], signing=True)

    response = signer.post(key_id=other.signing_key_id, secret=other.signing_key)

    assert refused(response) == NOTHING_HAPPENED


def test_a_signed_request_is_good_once(signer: Signer):
    raw = orjson.dumps(BODY)
    headers = signer.headers(raw)

    first, again = send(headers, raw), send(headers, raw)

    assert first.status_code == 201
    assert refused(again) == (401, "signature_invalid", 1)


def test_eight_times_the_same_signed_request_at_once_is_one(signer: Signer):
    raw = orjson.dumps(BODY)
    headers = signer.headers(raw)

    answers = at_once([lambda: send(headers, raw).status_code for _ in range(8)])

    assert sorted(answers) == [201] + [401] * 7
    assert StockMovement.objects.count() == 1


def test_a_refused_write_leaves_its_nonce_unused(signer: Signer):
    response = signer.post({**BODY, "reason": "sale", "delta": -5})

    assert (response.status_code, SignatureNonce.objects.count()) == (409, 0)


def test_a_retry_is_signed_anew_and_has_the_first_answer(signer: Signer):
    raw = orjson.dumps(BODY)

    first, again = (send({**signer.headers(raw), "Idempotency-Key": "once"}, raw) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert again["Idempotency-Replayed"] == "true"
    assert StockMovement.objects.count() == 1


def test_both_signing_keys_are_good_while_the_client_changes_over(signer: Signer):
    new = Signer(services.rotate_keys(client_id=signer.credentials.client.public_id))

    assert (signer.post().status_code, new.post().status_code) == (201, 201)


def test_a_rotation_without_overlap_ends_the_keys_at_once(signer: Signer):
    new = Signer(services.rotate_keys(client_id=signer.credentials.client.public_id, overlap=timedelta(0)))

    old_key_only = Signer(
        services.Credentials(
            new.credentials.client,
            new.credentials.api_key,
            signer.credentials.signing_key_id,
            signer.credentials.signing_key,
        )
    )

    assert refused(old_key_only.post()) == NOTHING_HAPPENED
    assert signer.post().json()["code"] == "authentication_failed"
    assert new.post().status_code == 201


def test_old_nonces_are_forgotten(signer: Signer):
    signer.post()
    signer.post()
    SignatureNonce.objects.filter(pk=SignatureNonce.objects.first().pk).update(
        used_at=datetime.now(UTC) - timedelta(minutes=16)
    )

    assert services.prune_nonces() == 1
    assert SignatureNonce.objects.count() == 1


def test_a_client_whose_signing_keys_have_ended_gets_a_new_one(signer: Signer):
    client = signer.credentials.client
    client.signing_keys.update(expiry_date=datetime.now(UTC) - timedelta(minutes=1))

    new = Signer(services.rotate_keys(client_id=client.public_id))

    assert refused(signer.post()) == NOTHING_HAPPENED
    assert new.post().status_code == 201
