"""What is plainly right is validated by itself, and just as DRF would."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.validators import UniqueTogetherValidator

from inventory.models import MAX_CODE_LENGTH, MAX_QUANTITY
from inventory.serializers.availability import AvailabilityQuestionSerializer
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
)
NAMES = [
    "sku", "location", "delta", "reason", "note", "reference", "expected_version", "dedupe", "on_hand",
    "expected_on_hand", "skus", "locations", "counts", "atomic", "unknown",
]  # fmt: skip
PLAIN_ROW = {
    "sku": "A-1",
    "location": "main",
    "delta": 3,
    "reason": "sale",
    "on_hand": 3,
    "skus": ["A"],
    "counts": [{}],
}
SERIALIZERS = [AdjustmentSerializer, CountSerializer, AvailabilityQuestionSerializer, BulkCountsSerializer]


def verdict(form: Any, data: Any) -> Any:
    try:
        return form.run_validation(data)
    except serializers.ValidationError as error:
        return error.get_full_details()


@pytest.mark.parametrize("serializer", SERIALIZERS)
@given(st.one_of(VALUES, st.dictionaries(st.sampled_from(NAMES), VALUES)), st.booleans())
def test_nothing_is_judged_otherwise_than_by_the_serializer(serializer, data, is_near):
    # Near what is plain, where a difference would be.
    data = {**PLAIN_ROW, **data} if is_near and isinstance(data, dict) else data

    assert verdict(FastValidator(serializer()), data) == verdict(serializer(), data)


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_what_is_plain_never_comes_to_it(serializer):
    instance = serializer()
    expected = serializer().run_validation(PLAIN_ROW)
    form = FastValidator(instance)
    instance.run_validation = None

    assert form.run_validation(PLAIN_ROW) == expected


def test_a_sku_is_cleaned_all_the_same():
    form = FastValidator(CountSerializer())

    assert form.run_validation({"sku": "e\u0301", "location": "main", "on_hand": 1})["sku"] == "\u00e9"


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
def test_a_field_that_does_more_is_refused_at_once(fields):
    serializer = type("Odd", (serializers.Serializer,), fields)

    with pytest.raises(TypeError, match="does more than"):
        FastValidator(serializer())


def test_so_is_a_serializer_that_does_more():
    class Meta:
        validators = [UniqueTogetherValidator(queryset=None, fields=["a"])]

    for serializer in (OddSerializer, type("Odd", (serializers.Serializer,), {"Meta": Meta})):
        with pytest.raises(TypeError, match="does more than"):
            FastValidator(serializer())


def test_what_a_longest_code_may_be_is_read_from_the_field():
    form = FastValidator(CountSerializer())
    row = {"sku": "A", "on_hand": 1}

    assert form.run_validation({**row, "location": "x" * MAX_CODE_LENGTH})
    with pytest.raises(serializers.ValidationError):
        form.run_validation({**row, "location": "x" * (MAX_CODE_LENGTH + 1)})
