"""JSON in and out."""

import io
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ParseError

from pms_backend.api.parsers import JSONParser, MergePatchParser
from pms_backend.api.renderers import JSONRenderer, to_json


@pytest.mark.parametrize(
    ("value", "rendered"),
    [
        (None, b"null"),
        ({"a": [1, "ä", True, None]}, '{"a":[1,"ä",true,null]}'.encode()),
        (Decimal("10.50"), b'"10.50"'),
        (datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC), b'"2026-01-02T03:04:05.000678Z"'),
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), b'"2026-01-02T03:00:00+02:00"'),
        ({1: "one"}, b'{"1":"one"}'),
        (("a", "b"), b'["a","b"]'),
        ({"a"}, b'["a"]'),
        (gettext_lazy("Yes"), b'"Yes"'),
    ],
)
def test_each_type_has_one_json_form(value, rendered):
    assert to_json(value) == rendered


def test_an_unsupported_type_is_an_error():
    with pytest.raises(TypeError, match="not JSON serializable: object"):
        to_json({"a": object()})


def test_an_answer_without_a_body_is_empty():
    assert JSONRenderer().render(None) == b""


def test_json_is_read():
    assert JSONParser().parse(io.BytesIO('{"a": "ä"}'.encode())) == {"a": "ä"}


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b"[Infinity]", b'"\\ud800"', b"\xff", b"[1] 2"])
def test_invalid_json_is_refused(body):
    with pytest.raises(ParseError, match="The body is not JSON"):
        JSONParser().parse(io.BytesIO(body))


def test_a_body_is_read_only_up_to_the_limit(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    long = io.BytesIO(b'"' + b"x" * 1_000 + b'"')

    with pytest.raises(RequestDataTooBig):
        JSONParser().parse(long)

    assert long.tell() == 11


def test_a_merge_patch_has_a_type_of_its_own():
    assert MergePatchParser.media_type == "application/merge-patch+json"
    assert MergePatchParser().parse(io.BytesIO(b'{"a": null}')) == {"a": None}
