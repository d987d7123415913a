"""The rows of a bulk: judged one by one, or all or nothing."""

import pytest
from rest_framework import serializers

from pms_backend.api import bulk
from pms_backend.api.bulk import BulkConflict, BulkInvalid, Outcome, rejection
from pms_backend.api.exceptions import Conflict, Invalid
from pms_backend.api.problems import FieldError


class RowSerializer(serializers.Serializer):
    sku = serializers.CharField()
    number = serializers.IntegerField(min_value=1)


INVALID = rejection(0, Invalid("Bad.", code="bad"), sku="A")
CONFLICT = rejection(1, Conflict("Taken.", errors=[FieldError("/sku", "taken", "It is taken.")]), sku="B")
APPLIED = Outcome(2, "applied", {"sku": "C"})


def test_valid_rows_keep_their_indexes():
    valid, refused = bulk.validate_rows([{"sku": "A", "number": 0}, {"sku": "B", "number": "2"}], RowSerializer())

    assert valid == [(1, {"sku": "B", "number": 2})]
    assert [(row.index, row.status, row.key) for row in refused] == [(0, "rejected", {"sku": "A"})]
    assert [(error.pointer, error.code) for error in refused[0].errors] == [("/number", "min_value")]


@pytest.mark.parametrize("row", [None, [], "text", 1, {}, {"sku": 1}])
def test_a_row_of_any_shape_is_refused_not_raised(row):
    valid, refused = bulk.validate_rows([row], RowSerializer())

    assert valid == []
    assert (refused[0].status, refused[0].key, refused[0].error) == ("rejected", {}, None)
    assert refused[0].errors != ()


def test_a_refusal_without_pointers_has_its_own_code_and_detail():
    assert INVALID.errors == (FieldError("", "bad", "Bad."),)
    assert (type(INVALID.error), type(CONFLICT.error)) == (Invalid, Conflict)


def test_all_or_nothing_passes_where_nothing_was_refused():
    bulk.require_all([APPLIED])


def test_all_or_nothing_is_a_conflict_where_the_state_forbids_it():
    with pytest.raises(BulkConflict) as caught:
        bulk.require_all([CONFLICT, APPLIED])

    assert caught.value.detail == "1 of 2 rows were refused, so none was written."
    assert caught.value.errors == (FieldError("/1/sku", "taken", "It is taken."),)


def test_all_or_nothing_is_invalid_where_any_row_is():
    with pytest.raises(BulkInvalid) as caught:
        bulk.require_all([CONFLICT, INVALID, APPLIED])

    assert [error.pointer for error in caught.value.errors] == ["/1/sku", "/0"]


def test_results_are_in_the_order_of_the_request():
    answer = bulk.result_body([APPLIED, CONFLICT, INVALID])

    assert answer["summary"] == {"applied": 1, "rejected": 2}
    assert [result["index"] for result in answer["results"]] == [0, 1, 2]
    assert answer["results"][1] == {
        "index": 1,
        "status": "rejected",
        "sku": "B",
        "errors": [{"pointer": "/sku", "code": "taken", "detail": "It is taken."}],
    }
