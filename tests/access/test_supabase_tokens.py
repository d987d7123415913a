"""Supabase's tokens: which are taken, which are not, and what they are good for."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from pms_backend.access.caller import Caller
from pms_backend.access.models import SupabaseUser
from pms_backend.access.scopes import ALL_SCOPES, STOREFRONT_SCOPES
from pms_backend.access.tokens.callers import MAX_TOKEN_LENGTH, caller_of_token
from pms_backend.access.tokens.exceptions import InvalidToken
from pms_backend.access.tokens.roles import parse_role_scopes
from pms_backend.access.tokens.services import link_supabase_user
from pms_backend.events.models import Event
from products.models import Product
from tests.access.issuer import SUBJECT, Project, as_jwk, sign
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_product

PRODUCTS = "/api/v1/products/"
SECRET = "the-legacy-secret-of-a-project-with-40-letters"

pytestmark = pytest.mark.django_db


def get(token: str, path: str = PRODUCTS, keyword: str = "Bearer") -> Any:
    return JSONClient().get(path, HTTP_AUTHORIZATION=f"{keyword} {token}")


def assert_refused(response: Any, code: str = "token_not_valid") -> None:
    assert (response.status_code, response["Content-Type"]) == (401, "application/problem+json")
    assert response.json()["code"] == code
    assert response["WWW-Authenticate"] == "Api-Key"
    assert not SupabaseUser.objects.exists()


def assert_nobody(token: str, code: str = "token_not_valid") -> None:
    assert_refused(get(token), code)


def raw(header: Any, payload: Any, signature: bytes = b"") -> str:
    """A token put together by hand, as no library would."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (*parts, signature))


def hmac_signed(header: Any, payload: Any, secret: bytes) -> str:
    signing_input = raw(header, payload).rpartition(".")[0]
    return raw(header, payload, hmac.new(secret, signing_input.encode(), hashlib.sha256).digest())


@pytest.mark.parametrize("kid", ["first", "rsa"])
@pytest.mark.parametrize("keyword", ["Bearer", "bearer", "BEARER"])
def test_a_token_signed_by_a_published_key_is_good(project: Project, kid: str, keyword: str):
    assert get(project.token(kid), keyword=keyword).status_code == 200


def test_the_legacy_secret_is_good_where_it_is_set(project: Project, settings):
    token = sign(project.claims(), SECRET, "HS256", kid="whatever")
    assert_nobody(token)

    settings.SUPABASE_JWT_SECRET = SECRET

    assert get(token).status_code == 200
    assert project.requests == []


def test_anybody_who_signed_up_is_a_storefront(project: Project):
    exp = int(time.time()) + 100

    caller = caller_of_token(project.token("first", exp=exp))

    user = User.objects.get()
    assert user.username == f"supabase-{SUBJECT}"
    assert (caller.scopes, caller.tier, caller.is_storefront) == (STOREFRONT_SCOPES, "storefront", True)
    assert (caller.actor, caller.identity) == (f"user:{user.username}", f"user:{user.pk}")
    assert caller.expires_at is not None
    assert caller.expires_at.timestamp() == exp


def test_a_storefront_sees_no_drafts_and_may_write_nothing(project: Project):
    make_product("A-1", status="active")
    make_product("A-2")
    token = project.token("first")

    seen = get(token).json()["results"]
    written = JSONClient().post(PRODUCTS, {"name": "Mine"}, HTTP_AUTHORIZATION=f"Bearer {token}")

    assert [product["variants"][0]["sku"] for product in seen] == ["A-1"]
    assert (written.status_code, written.json()["code"]) == (403, "forbidden")
    assert Product.objects.count() == 2


@pytest.mark.parametrize(
    ("app_metadata", "scopes"),
    [
        ({"scopes": ["inventory:read", "events:read"]}, {"inventory:read", "events:read"}),
        ({"scopes": ["inventory:read", "rule:world", 5, None, {}, ["products:write"]]}, {"inventory:read"}),
        ({"scopes": ["inventory:read"], "role": "editor"}, {"inventory:read"}),
        ({"role": "editor"}, {"products:read", "products:write"}),
        ({"scopes": [], "role": "editor"}, {"products:read", "products:write"}),
        ({"scopes": list(ALL_SCOPES)}, set(ALL_SCOPES)),
    ],
)
def test_app_metadata_gives_scopes(project: Project, settings, app_metadata: Any, scopes: set[str]):
    settings.JWT_ROLE_SCOPES = '{"editor": ["products:read", "products:write"]}'

    caller = caller_of_token(project.token("first", app_metadata=app_metadata))

    assert (caller.scopes, caller.tier) == (scopes, "default")


@pytest.mark.parametrize(
    "claims",
    [
        {"user_metadata": {"scopes": list(ALL_SCOPES), "role": "editor"}},
        {"user_metadata": {"scopes": list(ALL_SCOPES)}, "app_metadata": None},
        {"raw_user_meta_data": {"scopes": list(ALL_SCOPES)}},
        {"scopes": list(ALL_SCOPES), "scope": " ".join(ALL_SCOPES)},
        {"role": "editor"},
        {"role": "service_role"},
        {"is_staff": True, "is_superuser": True, "tier": "internal"},
        {"app_metadata": {"is_staff": True, "is_superuser": True, "tier": "internal"}},
        {"app_metadata": {"scopes": "products:write", "role": ["editor"]}},
        {"app_metadata": {"scopes": {"products:write": True}, "role": {"editor": 1}}},
        {"app_metadata": {"scopes": ["everything"], "role": "nobody"}},
        {"app_metadata": ["products:write"]},
        {"app_metadata": "editor"},
        {"app_metadata": None},
    ],
)
def test_nothing_else_gives_any(project: Project, settings, claims: dict[str, Any]):
    settings.JWT_ROLE_SCOPES = '{"editor": "products:read,products:write"}'

    caller = caller_of_token(project.token("first", **claims))

    user = User.objects.get()
    assert (caller.scopes, caller.tier) == (STOREFRONT_SCOPES, "storefront")
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (False, False, False)


def test_a_linked_user_who_was_made_a_superuser_has_no_more_rights_by_token(project: Project):
    user = link_supabase_user(subject=SUBJECT)
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)

    caller = caller_of_token(project.token("first"))

    assert (caller.scopes, caller.tier) == (STOREFRONT_SCOPES, "storefront")


def test_what_a_token_does_is_done_in_the_linked_users_name(project: Project):
    token = project.token("first", app_metadata={"scopes": ["products:read", "products:write"]})
    lamp = {"name": "Lamp", "variants": [{"sku": "A-1"}]}

    response = JSONClient(enforce_csrf_checks=True).post(PRODUCTS, lamp, HTTP_AUTHORIZATION=f"Bearer {token}")

    assert response.status_code == 201
    assert Event.objects.get().actor == f"user:supabase-{SUBJECT}"


@pytest.mark.parametrize("claims", [{"exp": -25}, {"nbf": 25}, {"iat": 25}])
def test_clocks_may_differ_by_half_a_minute(project: Project, claims: dict[str, int]):
    near = {name: int(time.time()) + seconds for name, seconds in claims.items()}

    assert get(project.token("first", **near)).status_code == 200


def test_a_bad_key_is_not_excused_by_a_good_token(project: Project):
    token = project.token("first")

    response = JSONClient().get(PRODUCTS, HTTP_X_API_KEY="wrong.key", HTTP_AUTHORIZATION=f"Bearer {token}")

    assert response.status_code == 401


def test_a_bad_token_is_not_excused_by_a_session(project: Project, admin_user):
    client = JSONClient()
    client.force_login(admin_user)

    assert_refused(client.get(PRODUCTS, HTTP_AUTHORIZATION="Bearer wrong"))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "anon"}, {"aud": None}, {"aud": ["a", "b"]}, {"aud": {}}, {"aud": 5},
        {"iss": "https://other.supabase.co/auth/v1"}, {"iss": "supabase"}, {"iss": None}, {"iss": "pms"},
        {"exp": None}, {"exp": "soon"}, {"exp": []}, {"exp": 10**20}, {"exp": 1e300},
        {"sub": None}, {"sub": ""}, {"sub": "a b"}, {"sub": "a\x00"}, {"sub": "ä"}, {"sub": "a" * 129},
        {"sub": "\ud800"}, {"sub": "../admin"}, {"sub": "a\n"},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_claim_is_refused(project: Project, claims: dict[str, Any]):
    assert_nobody(project.token("first", **claims))


@pytest.mark.parametrize("claims", [{"sub": 5}, {"iss": 5}, {"iss": ["a"]}, {"nbf": "soon"}, {"exp": float("inf")}])
def test_a_claim_of_the_wrong_kind_is_refused(project: Project, settings, claims: dict[str, Any]):
    settings.SUPABASE_JWT_SECRET = SECRET

    assert_nobody(hmac_signed({"alg": "HS256"}, project.claims(**claims), SECRET.encode()))


@pytest.mark.parametrize("seconds", [31, 3600])
def test_a_token_of_the_past_is_expired(project: Project, seconds: int):
    assert_nobody(project.token("first", exp=int(time.time()) - seconds), "token_expired")


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_token_of_the_future_is_not_valid_yet(project: Project, claim: str):
    assert_nobody(project.token("first", **{claim: int(time.time()) + 40}))


def test_a_refusal_says_why(project: Project):
    answers = [get(project.token("first", **claims)).json() for claims in ({"aud": "anon"}, {"exp": None})]

    assert answers[0]["detail"] == "The token is for another audience."
    assert answers[1]["detail"] == "The token lacks one of exp, aud, sub."


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 5, [], ["ES256"], {"a": 1}])
@pytest.mark.parametrize("secret", ["", SECRET])
def test_no_signature_is_no_token(project: Project, settings, alg: Any, secret: str):
    settings.SUPABASE_JWT_SECRET = secret

    assert_nobody(raw({"alg": alg, "kid": "first"}, project.claims()))


@pytest.mark.parametrize("secret", ["", SECRET])
@pytest.mark.parametrize("kid", ["first", "rsa"])
@pytest.mark.parametrize("form", ["PEM", "DER", "JWK", "empty"])
def test_a_public_key_is_no_shared_secret(project: Project, settings, kid: str, form: str, secret: str):
    settings.SUPABASE_JWT_SECRET = secret
    public = project.keys[kid].public_key()
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    key = {
        "PEM": public.public_bytes(serialization.Encoding.PEM, spki),
        "DER": public.public_bytes(serialization.Encoding.DER, spki),
        "JWK": json.dumps(as_jwk(kid, project.keys[kid])).encode(),
        "empty": b"",
    }[form]

    assert_nobody(hmac_signed({"alg": "HS256", "kid": kid}, project.claims(), key))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_other_algorithms_of_the_secret_are_refused(project: Project, settings, algorithm: str):
    settings.SUPABASE_JWT_SECRET = SECRET * 2

    assert_nobody(sign(project.claims(), SECRET * 2, algorithm))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_other_algorithms_of_a_published_key_are_refused(project: Project, algorithm: str):
    assert_nobody(sign(project.claims(), project.keys["rsa"], algorithm, kid="rsa"))


@pytest.mark.parametrize(("kid", "signer", "algorithm"), [("first", "rsa", "RS256"), ("rsa", "first", "ES256")])
def test_an_algorithm_that_does_not_fit_the_key_is_refused(project: Project, kid: str, signer: str, algorithm: str):
    assert_nobody(sign(project.claims(), project.keys[signer], algorithm, kid=kid))


def test_the_signature_of_another_key_is_refused(project: Project):
    assert_nobody(sign(project.claims(), ec.generate_private_key(ec.SECP256R1()), "ES256", kid="first"))
    assert_nobody(sign(project.claims(), project.keys["first"], "ES256"))


def test_a_changed_payload_is_refused(project: Project):
    header, _, signature = project.token("first").split(".")
    payload = raw("", project.claims(app_metadata={"scopes": list(ALL_SCOPES)})).split(".")[1]

    assert_nobody(f"{header}.{payload}.{signature}")


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
def test_a_key_that_the_token_brings_along_is_not_looked_at(project: Project, name: str):
    own = Project()
    own.add_key("first")
    brought = {"jku": f"{project.url}/stolen", "x5u": f"{project.url}/stolen", "x5c": ["MII"]}
    brought["jwk"] = as_jwk("first", own.keys["first"])

    assert_nobody(sign(project.claims(), own.keys["first"], "ES256", kid="first", **{name: brought[name]}))

    assert set(project.requests) == {"/auth/v1/.well-known/jwks.json"}


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "exp", ["nonsense"], 5])
def test_what_a_token_declares_critical_is_not_ignored(project: Project, crit: Any):
    header = {"alg": "ES256", "kid": "first", "crit": crit, "b64": True, "exp": 1}
    signing_input = raw(header, project.claims()).rpartition(".")[0]
    signature = jwt.get_algorithm_by_name("ES256").sign(signing_input.encode(), project.keys["first"])

    assert_nobody(raw(header, project.claims(), signature))


@pytest.mark.parametrize(
    "token",
    [
        "", " ", ".", "..", "...", "a", "a.b", "a.b.c", "a.b.c.d", "e30.e30.", "e30.e30.e30", "\x00", "a\x00.b.c", "ä",
        "ä.b.c", "a b", "=.=.=", "%00.%00.%00", "W10.W10.W10", "bnVsbA.bnVsbA.bnVsbA", "Bearer a.b.c", "!!!.###.$$$",
    ],
)  # fmt: skip
def test_what_is_no_token_is_refused(project: Project, token: str):
    assert_nobody(token)
    assert project.requests == []


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        (b"[" * 3000, {}), ({"alg": "ES256", "kid": "first"}, b"[" * 3000),
        (b'{"alg": "ES256", "kid": 1' + b"0" * 5000 + b"}", {}), ({"alg": "ES256", "kid": "first"}, b"\xff\xfe"),
        (b"\xff\xfe", {}), ({"alg": "ES256", "kid": "first"}, b'{"exp": NaN}'), ({"alg": "ES256", "b64": False}, {}),
    ],
    ids=range(7),
)  # fmt: skip
def test_a_monster_is_refused(project: Project, header: Any, payload: Any):
    assert_nobody(raw(header, payload, b"x"))


@pytest.mark.parametrize(
    "kid",
    ["../../../../dev/null", "/etc/passwd", "x' OR '1'='1", "a" * 4000, "\x00", "\r\nX-Evil: 1", "ä", "\ud800", "",
     "http://127.0.0.1/", 5, None, [], {}, True],
    ids=str,
)  # fmt: skip
def test_a_hostile_kid_is_an_unknown_one(project: Project, kid: Any):
    header = {"alg": "ES256", "kid": kid}

    assert_nobody(raw(header, project.claims(), b"x" * 64))

    assert set(project.requests) <= {"/auth/v1/.well-known/jwks.json"}


def test_a_token_has_at_most_8_kib(project: Project):
    overhead = len(project.token("first", pad=""))
    fitting = project.token("first", pad="x" * ((MAX_TOKEN_LENGTH - overhead) * 3 // 4 - 8))
    longer = project.token("first", pad="x" * MAX_TOKEN_LENGTH)

    assert MAX_TOKEN_LENGTH == 8192
    assert MAX_TOKEN_LENGTH - 32 < len(fitting) <= MAX_TOKEN_LENGTH
    assert_nobody(longer)
    assert get(fitting).status_code == 200


@pytest.mark.parametrize("issuer", ["https://abc.supabase.co/auth/v1", "http://localhost:9999", None])
def test_with_the_secret_alone_any_issuer_is_good(settings, issuer: str | None):
    settings.SUPABASE_URL, settings.SUPABASE_JWT_SECRET = "", SECRET

    assert get(sign(Project().claims(iss=issuer), SECRET, "HS256")).status_code == 200


@pytest.mark.parametrize("role", ["anon", "service_role"])
def test_the_keys_of_a_project_are_nobodys(settings, role: str):
    settings.SUPABASE_URL, settings.SUPABASE_JWT_SECRET = "", SECRET
    key = {"iss": "supabase", "ref": "abc", "role": role, "iat": 1, "exp": int(time.time()) + 3600}

    assert_nobody(sign(key, SECRET, "HS256"))


def test_with_the_secret_alone_no_other_algorithm_is_good(project: Project, settings):
    settings.SUPABASE_URL, settings.SUPABASE_JWT_SECRET = "", SECRET

    assert_nobody(project.token("first"))
    assert project.requests == []


@pytest.mark.parametrize("secret", ["", SECRET])
def test_without_supabase_nobody_is_let_in(settings, secret: str):
    settings.SUPABASE_URL = settings.SUPABASE_JWT_SECRET = ""

    assert_nobody(hmac_signed({"alg": "HS256"}, Project().claims(), secret.encode()))


def test_a_person_is_one_user_however_often_they_come(project: Project, django_assert_num_queries):
    first = caller_of_token(project.token("first"))
    with django_assert_num_queries(1):
        second = caller_of_token(project.token("rsa"))

    assert first.identity == second.identity
    assert (User.objects.count(), SupabaseUser.objects.get().subject) == (1, SUBJECT)


def test_a_deactivated_user_is_refused_whatever_the_token_says(project: Project):
    token = project.token("first", app_metadata={"scopes": list(ALL_SCOPES)})
    assert get(token).status_code == 200
    User.objects.update(is_active=False)

    response = get(token)

    assert (response.status_code, response.json()["code"]) == (401, "user_inactive")


def test_a_user_who_has_the_name_already_is_not_taken_over(project: Project):
    User.objects.create_superuser(f"supabase-{SUBJECT}", password="secret")

    assert_nobody(project.token("first"))
    assert User.objects.count() == 1


def test_a_linked_user_has_a_name_that_the_admins_form_takes(project: Project):
    caller_of_token(project.token("first"))

    User.objects.get().full_clean(exclude=["password"])


def test_a_linked_user_cannot_be_deleted(project: Project):
    caller_of_token(project.token("first"))

    with pytest.raises(ProtectedError):
        User.objects.get().delete()


def test_the_database_keeps_a_subject_to_one_user():
    link_supabase_user(subject="a")
    other = User.objects.create_user("other")

    with pytest.raises(IntegrityError, match="access_supabaseuser_one_per_subject"), transaction.atomic():
        SupabaseUser.objects.create(subject="a", user=other)


@pytest.mark.django_db(transaction=True)
def test_first_requests_at_once_make_one_user(project: Project):
    token = project.token("first")

    callers = at_once([lambda: caller_of_token(token)] * 8)

    assert all(isinstance(caller, Caller) for caller in callers), callers
    assert len({caller.identity for caller in callers}) == 1
    assert (User.objects.count(), SupabaseUser.objects.count()) == (1, 1)
    assert len(project.requests) == 1


@pytest.mark.parametrize(
    ("setting", "roles"),
    [
        ("", {}),
        (" {} ", {}),
        ('{"a": ["products:read"]}', {"a": {"products:read"}}),
        ('{"a": "products:read, events:read"}', {"a": {"products:read", "events:read"}}),
    ],
)
def test_roles_are_json_of_lists_or_of_commas(setting: str, roles: dict[str, set[str]]):
    assert parse_role_scopes(setting) == roles


@pytest.mark.parametrize(
    "setting",
    ["{", "[]", "5", '"a"', '{"a": 5}', '{"a": null}', '{"a": [5]}', '{"a": ["product:read"]}', '{"a": "all"}',
     '{"a": {"products:read": true}}'],
)  # fmt: skip
def test_what_is_no_mapping_of_roles_is_named(setting: str):
    with pytest.raises(ImproperlyConfigured, match=r"^JWT_ROLE_SCOPES must be JSON of role to scopes such as"):
        parse_role_scopes(setting)


def test_a_refusal_is_a_domain_error_for_those_who_speak_no_http(project: Project):
    with pytest.raises(InvalidToken) as caught:
        caller_of_token("nonsense")

    assert caught.value.code == "token_not_valid"
