"""A change of a price by more than half of it is asked about."""

from decimal import Decimal

import pytest
from django.utils import translation

from products.price_checks import is_large_change, question_about


@pytest.mark.parametrize(
    ("old", "new"), [("49.00", "4.90"), ("10.00", "4.99"), ("10.00", "15.01"), ("10.00", "0.00"), ("0.00", "0.01")]
)
def test_more_than_half_is_a_large_change(old: str, new: str):
    assert is_large_change(Decimal(old), Decimal(new))


@pytest.mark.parametrize(("old", "new"), [("10.00", "5.00"), ("10.00", "15.00"), ("10.00", "10.00"), ("0.00", "0.00")])
def test_half_or_less_is_not(old: str, new: str):
    assert not is_large_change(Decimal(old), Decimal(new))


@pytest.mark.parametrize(("old", "new"), [(None, Decimal(10)), (Decimal(10), None), (None, None)])
def test_a_missing_price_is_not_compared(old: Decimal | None, new: Decimal | None):
    assert not is_large_change(old, new)


@pytest.mark.parametrize(("language", "shown"), [("en", "1,249.00 → 4.90"), ("de", "1.249,00 → 4,90")])
def test_the_question_names_both_prices_as_the_language_writes_them(language: str, shown: str):
    with translation.override(language):
        question = question_about(Decimal("1249.00"), Decimal("4.90"))

    assert question is not None
    assert question.startswith(shown)


def test_a_plausible_price_is_not_asked_about():
    assert question_about(Decimal("10.00"), Decimal("12.00")) is None
