"""Responses that are made without Django's constructor, and what is asked for nobody's sake."""

from typing import Any

import pytest
from django.http import HttpResponse

from pms_backend.api.other_origins import _with_origin
from pms_backend.api.redis_pipeline import _ThreadConnection
from pms_backend.api.response_headers import prepared, response_of
from tests.conftest import JSONClient


def test_a_response_is_like_one_of_djangos_constructor():
    headers = {"Content-Type": "application/json", "ETag": '"1"'}
    expected = HttpResponse(b"{}", status=304, headers=headers)

    made = response_of(b"{}", prepared(headers), status=304)

    assert made.__dict__.keys() - {"_reason_phrase"} == expected.__dict__.keys() - {"_reason_phrase"}
    assert made.serialize() == expected.serialize()
    assert (made.status_code, made.reason_phrase) == (304, "Not Modified")


def test_responses_share_nothing_that_is_changed():
    headers = prepared({"ETag": '"1"'})
    first, second = (response_of(b"", headers, status=200) for _ in range(2))

    first["ETag"] = '"2"'
    first.set_cookie("name", "value")
    first._resource_closers.append(first.close)
    first.write(b"more")

    assert (second["ETag"], second.cookies, second._resource_closers, second.content) == ('"1"', {}, [], b"")
    assert headers == {"etag": ("ETag", '"1"')}


@pytest.mark.parametrize(
    ("vary", "patched"),
    [("", "origin"), ("Cookie", "Cookie, origin"), ("Accept, Origin", "Accept, Origin"), ("*", "*")],
)
def test_a_cache_is_told_that_the_origin_matters(vary: str, patched: str):
    assert _with_origin(vary) == patched


@pytest.mark.django_db
def test_without_limits_redis_is_not_asked_about_an_unknown_caller(settings: Any, monkeypatch: pytest.MonkeyPatch):
    settings.RATE_LIMITS = "off"
    asked: list[bytes] = []
    monkeypatch.setattr(_ThreadConnection, "exchange", lambda _, data, count: [asked.append(data)] * count)

    assert JSONClient().get("/api/v1/products/").status_code == 401
    assert JSONClient().get("/api/v1/nothing/").status_code == 404
    assert asked == []
