"""The fast validator gives the same result as DRF for any input."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.validators import UniqueTogetherValidator

from inventory.models import MAX_CODE_LENGTH, MAX_QUANTITY
from inventory.serializers.availability import AvailabilityQuestionSerializer
from inventory.serializers.reservations import CommitSerializer, ReservationRequestSerializer
from inventory.serializers.stock import AdjustmentSerializer, BulkCountsSerializer, CountSerializer
from pms_backend.api import serializers
from pms_backend.api.fast_validation import FastValidator
from products.skus import MAX_SKU_LENGTH

ODD_TEXTS = st.sampled_from(
    ["", " ", " A", "A ", "A\x00", "A\tB", "\ud800", "e\u0301", "\u00e9", "\u00a0A", "ß" * MAX_SKU_LENGTH, "x" * 1001,
     "5", "true"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=5), ODD_TEXTS)
NUMBERS = st.one_of(
    st.integers(-3, 3), st.sampled_from([MAX_QUANTITY, MAX_QUANTITY + 1, -MAX_QUANTITY - 1, 2**63, 2.0, 2.5, "2", True])
)
VALUES: st.SearchStrategy[Any] = st.one_of(
    TEXTS,
    NUMBERS,
    st.none(),
    st.booleans(),
    st.lists(TEXTS, max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.sampled_from(["sale", "correction", "count", "damage"]),
    st.lists(st.dictionaries(st.text(max_size=2), st.none(), max_size=2), max_size=3),
    st.lists(st.dictionaries(st.sampled_from(["sku", "quantity", "location"]), st.one_of(TEXTS, NUMBERS)), max_size=3),
)
NAMES = [
    "sku", "location", "delta", "reason", "note", "reference", "expected_version", "dedupe", "on_hand",
    "expected_on_hand", "skus", "locations", "counts", "atomic", "lines", "expires_in", "unknown",
]  # fmt: skip
VALID_ROW = {
    "sku": "A-1",
    "location": "main",
    "delta": 3,
    "reason": "sale",
    "reference": "R-1",
    "on_hand": 3,
    "skus": ["A"],
    "counts": [{}],
    "lines": [{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 2, "location": "main"}],
}
SERIALIZERS = [
    AdjustmentSerializer, CountSerializer, AvailabilityQuestionSerializer, BulkCountsSerializer,
    ReservationRequestSerializer, CommitSerializer,
]  # fmt: skip


def result(validator: Any, data: Any) -> Any:
    try:
        return validator.run_validation(data)
    except serializers.ValidationError as error:
        return error.get_full_details()


@pytest.mark.parametrize("serializer", SERIALIZERS)
@given(st.one_of(VALUES, st.dictionaries(st.sampled_from(NAMES), VALUES)), st.booleans())
def test_the_result_is_that_of_the_serializer(serializer, data, is_near):
    # Close to a valid row, where differences are most likely.
    data = {**VALID_ROW, **data} if is_near and isinstance(data, dict) else data

    assert result(FastValidator(serializer()), data) == result(serializer(), data)


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_a_valid_row_never_reaches_the_serializer(serializer):
    instance = serializer()
    expected = serializer().run_validation(VALID_ROW)
    validator = FastValidator(instance)
    instance.run_validation = None

    assert validator.run_validation(VALID_ROW) == expected


@pytest.mark.parametrize(
    "other", ["A", "", " B", "B ", "b c", "a\tb", "x" * 256, "\x7f", "\u00e9", "e\u0301", 1, True, None]
)
def test_a_list_of_texts_is_read_as_the_serializer_reads_it(other: Any):
    data = {"skus": ["A", other], "locations": ["main", other]}

    for names in (["skus"], ["skus", "locations"]):
        asked = {name: data[name] for name in names}
        serializer = AvailabilityQuestionSerializer
        assert result(FastValidator(serializer()), asked) == result(serializer(), asked)


def test_a_sku_is_normalized():
    validator = FastValidator(CountSerializer())

    assert validator.run_validation({"sku": "e\u0301", "location": "main", "on_hand": 1})["sku"] == "\u00e9"


class OddField(serializers.IntegerField):
    def to_internal_value(self, data):
        return super().to_internal_value(data) + 1


class OddSerializer(serializers.Serializer):
    def to_internal_value(self, data):
        return {}


@pytest.mark.parametrize(
    "fields",
    [
        {"a": serializers.CharField(source="b")},
        {"a": serializers.CharField(read_only=True)},
        {"a": serializers.CharField(default=dict)},
        {"a": serializers.RegexField("^a$")},
        {"a": serializers.MultipleChoiceField(choices=["a"])},
        {"a": serializers.DateTimeField()},
        {"a": serializers.ListField(child=serializers.DateTimeField())},
        {"a": serializers.DictField(child=serializers.CharField())},
        {"a": serializers.ListField(child=CountSerializer())},
        {"a": CountSerializer()},
        {"a": OddField()},
    ],
)
def test_a_field_with_unknown_rules_is_refused_at_construction(fields):
    serializer = type("Odd", (serializers.Serializer,), fields)

    with pytest.raises(TypeError, match="does more than"):
        FastValidator(serializer())


def test_a_serializer_with_unknown_rules_is_refused_at_construction():
    class Meta:
        validators = [UniqueTogetherValidator(queryset=None, fields=["a"])]

    for serializer in (OddSerializer, type("Odd", (serializers.Serializer,), {"Meta": Meta})):
        with pytest.raises(TypeError, match="does more than"):
            FastValidator(serializer())


def test_the_maximum_length_is_read_from_the_field():
    validator = FastValidator(CountSerializer())
    row = {"sku": "A", "on_hand": 1}

    assert validator.run_validation({**row, "location": "x" * MAX_CODE_LENGTH})
    with pytest.raises(serializers.ValidationError):
        validator.run_validation({**row, "location": "x" * (MAX_CODE_LENGTH + 1)})
