"""Guessing passwords ends in a lock, for the guesser alone."""

import logging
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.utils import timezone

from pms_backend.access.lockout import refuse, username_of
from tests.staff import PASSWORD, staff_with, superuser

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
HERE, ELSEWHERE = "203.0.113.9", "198.51.100.7"


@pytest.fixture(autouse=True)
def _limits(settings):
    settings.AXES_FAILURE_LIMIT = 3
    settings.LOGIN_FAILURES_PER_ADDRESS = 8


@pytest.fixture
def anna() -> User:
    return User.objects.create_superuser("anna", password=PASSWORD)


def log_in(name: str, password: str = "wrong", address: str = HERE, **more: str):
    return Client().post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address, **more)


def fail(times: int, name: str = "anna", address: str = HERE) -> list[int]:
    return [log_in(name, address=address).status_code for _ in range(times)]


def test_the_last_failure_locks_and_the_right_password_is_refused_too(anna: User, caplog):
    assert fail(3) == [200, 200, 429]

    refused = log_in("anna", PASSWORD)

    assert refused.status_code == 429
    assert refused["Retry-After"] == "900"
    assert "Too many logins have failed. Try again in 15 minutes" in " ".join(refused.content.decode().split())
    assert "sessionid" not in refused.cookies
    assert f"Locked out: anna from {HERE}" in caplog.text


def test_others_at_that_address_and_the_user_elsewhere_are_not_locked(anna: User):
    User.objects.create_superuser("ben", password=PASSWORD)
    fail(3)

    assert log_in("ben", PASSWORD).status_code == 302
    assert log_in("anna", PASSWORD, address=ELSEWHERE).status_code == 302


def test_an_address_is_locked_after_more_of_anybodys_failures(anna: User):
    statuses = [log_in(f"guess-{number}").status_code for number in range(8)]

    assert statuses == [200] * 7 + [429]
    assert log_in("anna", PASSWORD).status_code == 429
    assert log_in("anna", PASSWORD, address=ELSEWHERE).status_code == 302


def test_a_name_that_nobody_has_is_locked_like_any_other(anna: User):
    assert fail(3, "nobody") == fail(3, "anna") == [200, 200, 429]


def test_a_login_forgets_the_users_own_failures_and_not_the_addresss(anna: User):
    fail(2, "guess")
    fail(2)
    log_in("anna", PASSWORD)

    assert fail(2) == [200, 200]
    assert AccessAttempt.objects.get(username="guess").failures_since_start == 2


def test_what_is_tried_while_locked_neither_prolongs_the_lock_nor_is_kept(anna: User):
    fail(3)
    before = AccessAttempt.objects.values_list("failures_since_start", "attempt_time").get()

    fail(5)

    assert AccessAttempt.objects.values_list("failures_since_start", "attempt_time").get() == before


def test_a_lock_ends_by_itself(anna: User, settings):
    fail(3)
    AccessAttempt.objects.update(attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME - timedelta(seconds=1))

    assert log_in("anna", PASSWORD).status_code == 302


@pytest.mark.parametrize("command", [("axes_reset_username", "anna"), ("axes_reset_ip", HERE), ("axes_reset",)])
def test_staff_unlock(anna: User, command: tuple[str, ...], capsys):
    fail(3)

    call_command(*command)

    assert log_in("anna", PASSWORD).status_code == 302


def test_the_address_is_the_one_that_is_believed(anna: User, settings):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    for number in range(3):
        log_in("anna", address="10.0.0.1", HTTP_X_FORWARDED_FOR=f"192.0.2.{number}, {HERE}")

    assert AccessAttempt.objects.get().ip_address == HERE
    assert log_in("anna", PASSWORD, address=HERE).status_code == 429
    assert log_in("anna", PASSWORD, address="10.0.0.1", HTTP_X_FORWARDED_FOR=ELSEWHERE).status_code == 302


def test_another_user_agent_is_the_same_guesser(anna: User):
    for agent in ("a", "b", "c"):
        log_in("anna", HTTP_USER_AGENT=agent)

    assert log_in("anna", PASSWORD, HTTP_USER_AGENT="d").status_code == 429


def test_it_guards_whatever_asks_django_for_a_password(anna: User):
    request = RequestFactory().post("/api/v1/auth/token/", REMOTE_ADDR=HERE)
    fail(3)

    assert authenticate(request, username="anna", password=PASSWORD) is None
    assert request.axes_locked_out is True


def test_programs_get_a_problem():
    request = RequestFactory().post("/api/v1/auth/token/", REMOTE_ADDR=HERE)

    response = refuse(request, None, {"username": "anna"})

    assert (response.status_code, response["Content-Type"]) == (429, "application/problem+json")
    assert response["Retry-After"] == "900"
    assert b'"code":"locked_out"' in response.content


@pytest.mark.parametrize("name", ["x" * 10_000, "a\nERROR forged", "' OR '1'='1", "\u202eanna", " ", "é" * 300])
def test_no_name_breaks_the_count(name: str):
    request = RequestFactory().post("/api/v1/auth/token/", REMOTE_ADDR=HERE)

    assert authenticate(request, username=name, password="wrong") is None
    assert log_in(name).status_code == 200


def test_a_name_that_no_text_column_holds_is_refused_by_the_form_and_cleaned_for_the_count():
    assert log_in("a\x00b").status_code == 200
    assert username_of(RequestFactory().get("/"), {"username": "a\x00b" + "x" * 300}) == "ab" + "x" * 253


def test_a_peer_without_an_address_is_counted_too(anna: User):
    assert fail(3, address="") == [200, 200, 429]


def test_no_password_is_kept_or_logged(anna: User, caplog):
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            log_in("anna", "secret-guess")

    attempt = AccessAttempt.objects.get()
    assert "secret-guess" not in caplog.text + attempt.post_data + attempt.get_data


def test_logins_are_throttled_by_address_before_a_password_is_looked_at(anna: User, settings):
    settings.RATE_LIMITS = '{"tokens": "2/minute"}'
    for number in range(2):
        log_in(f"guess-{number}")

    refused = log_in("anna", PASSWORD)

    assert refused.status_code == 429
    assert refused["RateLimit-Policy"] == '"tokens";q=2;w=60'
    assert Client().get(LOGIN, REMOTE_ADDR=HERE).status_code == 200


def test_staff_see_the_failed_logins_and_change_none(anna: User):
    fail(2)
    attempt, staff = AccessAttempt.objects.get(), superuser("ben")
    page = f"/admin/axes/accessattempt/{attempt.pk}/change/"

    listed = staff.get("/admin/axes/accessattempt/").content.decode()

    assert "anna" in listed
    assert HERE in listed
    assert staff.get(page).status_code == 200
    assert staff.post(page, {"failures_since_start": "0"}).status_code == 403
    assert staff.post(page.replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert AccessAttempt.objects.get().failures_since_start == 2


def test_without_the_permission_nobody_sees_them():
    assert staff_with("auth.view_user").get("/admin/axes/accessattempt/").status_code == 403
