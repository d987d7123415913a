"""Tokens of our own: obtained, used, refreshed, ended."""

import time
from datetime import timedelta
from typing import Any

import jwt
import orjson
import pytest
from django.conf import settings as django_settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from pms_backend.access.caller import Caller, caller_of_user
from pms_backend.access.scopes import ALL_SCOPES, STOREFRONT_SCOPES
from pms_backend.access.tasks import flush_expired_tokens
from pms_backend.access.tokens import services
from pms_backend.access.tokens.callers import caller_of_token
from pms_backend.access.tokens.exceptions import InvalidToken
from pms_backend.access.tokens.services import TokenPair
from pms_backend.events.models import Event
from tests.access.issuer import Project, sign
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.staff import user_with_scopes

PRODUCTS = "/api/v1/products/"
TOKEN = "/api/v1/auth/token/"
REFRESH = "/api/v1/auth/refresh/"
PASSWORD = "correct-horse-battery"
JWT = django_settings.SIMPLE_JWT

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return user_with_scopes("ada", "products:read", "products:write", password=PASSWORD)


@pytest.fixture
def pair(ada: User) -> TokenPair:
    return services.issue_tokens(user=ada)


def obtain(username: str = "ada", password: str = PASSWORD, **more: Any) -> Any:
    return JSONClient().post(TOKEN, {"username": username, "password": password}, **more)


def refresh(token: str) -> Any:
    return JSONClient().post(REFRESH, {"refresh": token})


def get(token: str) -> Any:
    return JSONClient().get(PRODUCTS, HTTP_AUTHORIZATION=f"Bearer {token}")


def assert_refused(response: Any, code: str, scheme: str = "Bearer") -> None:
    assert (response.status_code, response["Content-Type"]) == (401, "application/problem+json")
    assert response.json()["code"] == code
    assert response["WWW-Authenticate"] == scheme


def forged(token: str, *, key: str = JWT["SIGNING_KEY"], leave_out: str = "", **changes: Any) -> str:
    claims = jwt.decode(token, options={"verify_signature": False}) | changes
    claims.pop(leave_out, None)
    return sign(claims, key, "HS256")


def test_the_whole_life_of_a_token(ada: User):
    first = obtain()
    assert (first.status_code, sorted(first.json())) == (200, ["access", "refresh"])
    assert first["Cache-Control"] == "no-store"
    assert get(first.json()["access"]).status_code == 200

    second = refresh(first.json()["refresh"])
    assert (second.status_code, sorted(second.json())) == (200, ["access", "refresh"])
    assert second["Cache-Control"] == "no-store"
    assert get(second.json()["access"]).status_code == 200

    used = refresh(first.json()["refresh"])
    assert_refused(used, "token_not_valid")
    assert used["Cache-Control"] == "no-store"
    assert refresh(second.json()["refresh"]).status_code == 200


def test_access_is_for_five_minutes_and_refresh_for_a_day(pair: TokenPair):
    access, renewal = (jwt.decode(token, options={"verify_signature": False}) for token in (pair.access, pair.refresh))

    assert access["exp"] - access["iat"] == 300
    assert renewal["exp"] - renewal["iat"] == 86_400
    assert (access["iss"], access["aud"]) == ("pms", "pms-api")
    assert caller_of_token(pair.access).expires_at.timestamp() == access["exp"]


def test_no_right_and_no_secret_stands_in_a_token(ada: User, pair: TokenPair):
    claims = jwt.decode(pair.access, options={"verify_signature": False})

    assert set(claims) == {"token_type", "exp", "iat", "jti", "user_id", "hash_password", "iss", "aud"}
    assert ada.password not in str(claims)


def test_the_key_is_not_the_secret_key(pair: TokenPair):
    assert JWT["SIGNING_KEY"] != django_settings.SECRET_KEY
    with pytest.warns(match="HMAC key"):  # the tests' own is short
        token = forged(pair.access, key=django_settings.SECRET_KEY)

    assert_refused(get(token), "token_not_valid", "Api-Key")


def test_the_text_of_a_refresh_token_is_not_stored(pair: TokenPair):
    refresh(pair.refresh)

    assert list(OutstandingToken.objects.values_list("token", flat=True)) == ["", ""]


@pytest.mark.parametrize(
    ("flags", "scopes", "tier"),
    [
        ({"is_staff": True, "is_superuser": True}, set(ALL_SCOPES), "internal"),
        ({"is_superuser": True}, set(ALL_SCOPES), "internal"),
        ({"is_staff": True}, set(), "internal"),
        ({}, STOREFRONT_SCOPES, "storefront"),
    ],
)
def test_rights_are_the_users(flags: dict[str, bool], scopes: set[str], tier: str):
    user = User.objects.create_user("eve", password=PASSWORD, **flags)

    caller = caller_of_token(services.issue_tokens(user=user).access)

    assert (caller.scopes, caller.tier) == (scopes, tier)
    assert (caller.actor, caller.identity) == ("user:eve", f"user:{user.pk}")


def test_rights_are_those_of_the_moment(ada: User, pair: TokenPair):
    User.objects.update(is_staff=False)

    assert caller_of_token(pair.access).scopes == STOREFRONT_SCOPES


def test_a_token_and_a_session_are_the_same_caller(ada: User, pair: TokenPair):
    assert caller_of_token(pair.access).identity == caller_of_user(ada).identity


def test_claims_of_rights_change_nothing(pair: TokenPair):
    User.objects.update(is_staff=False)
    token = forged(pair.access, is_staff=True, is_superuser=True, app_metadata={"scopes": list(ALL_SCOPES)})

    assert caller_of_token(token).scopes == STOREFRONT_SCOPES


def test_a_write_is_theirs_and_needs_no_csrf_token(pair: TokenPair):
    client = JSONClient(enforce_csrf_checks=True)

    response = client.post(
        PRODUCTS, {"name": "Lamp", "variants": [{"sku": "A-1"}]}, HTTP_AUTHORIZATION=f"Bearer {pair.access}"
    )

    assert response.status_code == 201
    assert Event.objects.get().actor == "user:ada"


def test_a_changed_password_ends_all_tokens(ada: User, pair: TokenPair):
    ada.set_password("another-horse-battery")
    ada.save(update_fields=["password"])

    assert_refused(get(pair.access), "password_changed", "Api-Key")
    assert_refused(refresh(pair.refresh), "password_changed")
    assert not BlacklistedToken.objects.exists()
    assert OutstandingToken.objects.count() == 1


def test_a_deactivated_user_is_refused(ada: User, pair: TokenPair):
    User.objects.update(is_active=False)

    assert_refused(get(pair.access), "user_inactive", "Api-Key")
    assert_refused(refresh(pair.refresh), "user_inactive")
    assert_refused(obtain(), "wrong_credentials")


def test_a_deleted_user_is_refused(ada: User, pair: TokenPair):
    ada.delete()

    assert_refused(get(pair.access), "token_not_valid", "Api-Key")
    assert_refused(refresh(pair.refresh), "token_not_valid")


@pytest.mark.parametrize("seconds", [31, 3600])
def test_it_expires(pair: TokenPair, seconds: int):
    past = int(time.time()) - seconds

    assert_refused(get(forged(pair.access, exp=past)), "token_expired", "Api-Key")
    assert_refused(refresh(forged(pair.refresh, exp=past)), "token_expired")


@pytest.mark.django_db(transaction=True)
def test_of_two_refreshes_at_once_one_wins(pair: TokenPair):
    answers = at_once([lambda: services.rotate_tokens(refresh=pair.refresh)] * 6)

    won = [answer for answer in answers if isinstance(answer, TokenPair)]
    lost = [answer for answer in answers if isinstance(answer, InvalidToken)]
    assert (len(won), len(lost)) == (1, 5), answers
    assert (OutstandingToken.objects.count(), BlacklistedToken.objects.count()) == (2, 1)


def test_the_two_kinds_are_not_mixed_up(pair: TokenPair):
    assert_refused(get(pair.refresh), "token_not_valid", "Api-Key")
    assert_refused(refresh(pair.access), "token_not_valid")


@pytest.mark.parametrize(
    "changes",
    [{"aud": "authenticated"}, {"aud": None}, {"exp": None}, {"token_type": "sliding"}, {"exp": 10**20}, {"jti": None},
     {"user_id": "0"}, {"hash_password": None}],
    ids=str,
)  # fmt: skip
def test_a_claim_that_is_wrong_is_refused_even_under_our_key(pair: TokenPair, changes: dict[str, Any]):
    token = forged(pair.access, **changes)

    assert get(token).status_code == 401


@pytest.mark.parametrize("claim", ["aud", "exp", "jti", "token_type", "user_id", "hash_password"])
def test_a_claim_that_is_missing_is_refused_even_under_our_key(pair: TokenPair, claim: str):
    assert get(forged(pair.access, leave_out=claim)).status_code == 401
    assert refresh(forged(pair.refresh, leave_out=claim)).status_code == 401


def test_supabases_keys_sign_nothing_of_ours_and_ours_nothing_of_theirs(project: Project, settings, pair: TokenPair):
    settings.SUPABASE_JWT_SECRET = "the-legacy-secret-of-a-project-with-40-letters"
    ours = jwt.decode(pair.access, options={"verify_signature": False})

    for token in (
        project.token("first", **ours),
        sign(ours, settings.SUPABASE_JWT_SECRET, "HS256"),
        sign(project.claims(), JWT["SIGNING_KEY"], "HS256"),
        sign(project.claims(aud=["authenticated", "pms-api"]), JWT["SIGNING_KEY"], "HS256"),
    ):
        assert_refused(get(token), "token_not_valid", "Api-Key")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.", "ä", "\x00", "x" * 9000, None, 5, [], {}, True])
def test_a_refresh_token_that_is_none(token: Any):
    response = JSONClient().post(REFRESH, {"refresh": token})

    assert response.status_code in (401, 422)
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("username", "password"),
    [("ada", "wrong"), ("nobody", PASSWORD), ("ADA", PASSWORD), ("ada", PASSWORD + " "), ("ada", f" {PASSWORD}")],
)
def test_wrong_credentials_get_one_answer(ada: User, username: str, password: str):
    response = obtain(username, password)

    assert_refused(response, "wrong_credentials")
    assert response.json()["detail"] == "No active user has this name and this password."
    assert response["Cache-Control"] == "no-store"
    assert not OutstandingToken.objects.exists()


@pytest.mark.parametrize(
    "body",
    [{}, {"username": "ada"}, {"username": "ada", "password": ""}, {"username": [], "password": {}},
     {"username": "a\x00", "password": "b"}, {"username": "a" * 151, "password": "b"},
     {"username": "a", "password": "b" * 1025}],
    ids=range(7),
)  # fmt: skip
def test_what_are_no_credentials_is_422(body: dict[str, Any]):
    response = JSONClient().post(TOKEN, body)

    assert (response.status_code, response.json()["code"]) == (422, "validation_failed")


def test_a_user_from_supabase_has_no_password_to_log_in_with():
    user = services.link_supabase_user(subject="a")

    assert obtain(user.username, "").status_code == 422
    assert_refused(obtain(user.username, "!"), "wrong_credentials")


def test_a_get_is_405():
    assert (JSONClient().get(TOKEN).status_code, JSONClient().get(REFRESH).status_code) == (405, 405)


def test_an_address_may_ask_so_often_and_no_more(settings, pair: TokenPair):
    settings.RATE_LIMITS = orjson.dumps({"tokens": "2/minute", "address": "100/second"}).decode()
    here, there = {"REMOTE_ADDR": "10.1.1.1"}, {"REMOTE_ADDR": "10.1.1.2"}

    answers = [obtain(**here), obtain(password="wrong", **here), obtain(**here)]
    other = JSONClient().post(REFRESH, {"refresh": pair.refresh}, **here)

    assert [answer.status_code for answer in answers] == [200, 401, 429]
    assert (answers[2]["Content-Type"], answers[2].json()["code"]) == ("application/problem+json", "rate_limited")
    assert 55 <= int(answers[2]["Retry-After"]) <= 62
    assert other.status_code == 429
    assert not BlacklistedToken.objects.exists()
    assert obtain(**there).status_code == 200


def test_what_has_expired_a_while_ago_is_forgotten_and_nothing_else(ada: User):
    used, lately, kept = (services.issue_tokens(user=ada) for _ in range(3))
    services.rotate_tokens(refresh=used.refresh)
    jtis = [jwt.decode(pair.refresh, options={"verify_signature": False})["jti"] for pair in (used, lately, kept)]
    for jti, age in zip(jtis, (timedelta(hours=2), timedelta(minutes=50), timedelta(hours=-1)), strict=True):
        OutstandingToken.objects.filter(jti=jti).update(expires_at=timezone.now() - age)

    flush_expired_tokens()

    assert set(jtis) - set(OutstandingToken.objects.values_list("jti", flat=True)) == {jtis[0]}
    assert not BlacklistedToken.objects.exists()


def test_beat_flushes_daily():
    entry = django_settings.CELERY_BEAT_SCHEDULE[flush_expired_tokens.name]

    assert (entry["schedule"].hour, entry["schedule"].minute) == ({3}, {17})


def test_the_librarys_pages_are_not_in_the_admin():
    assert not admin.site.is_registered(OutstandingToken)
    assert not admin.site.is_registered(BlacklistedToken)


def test_a_caller_by_token_is_a_caller(pair: TokenPair):
    assert isinstance(caller_of_token(pair.access), Caller)
