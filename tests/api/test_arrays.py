"""Columns as PostgreSQL writes arrays."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from inventory.models import Reason
from pms_backend.api.arrays import as_array

pytestmark = pytest.mark.django_db

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
BIGINTS = st.integers(-(2**63), 2**63 - 1)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2900, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware
AMOUNTS = st.decimals(-(10**12), 10**12, places=4)
COLUMNS = {"text": TEXTS, "bigint": BIGINTS, "boolean": st.booleans(), "timestamptz": MOMENTS, "numeric": AMOUNTS}


def read_back(kind: str, column: list) -> list:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT %s::{kind}[]", [as_array(column)])
        return cursor.fetchone()[0]


@pytest.mark.parametrize("kind", COLUMNS)
@given(st.data())
def test_every_value_arrives_unchanged(kind, data):
    column = data.draw(st.lists(st.one_of(st.none(), COLUMNS[kind]), max_size=8))

    assert read_back(kind, column) == column


@pytest.mark.parametrize("text", ["", "NULL", "null", '"', "\\", '\\"', "{}", "a,b", " a ", "\n", "é", "{", "\\\\"])
def test_special_characters_arrive_unchanged(text):
    assert read_back("text", [text, None]) == [text, None]


def test_a_member_of_an_enumeration_is_its_value():
    assert read_back("text", [Reason.COUNT]) == ["count"]
