"""A number in a form is read as the active language writes it, or refused: it never becomes another number."""

from decimal import Decimal

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.utils import translation

from pms_backend.api.forms import DecimalField, IntegerField, PlainIntegerField


class PriceForm(forms.Form):
    """One number of each kind."""

    price = DecimalField(decimal_places=2)
    units = IntegerField(min_value=0)


@pytest.mark.parametrize(
    ("language", "text", "price"),
    [
        *[("en", "12.5", "12.5"), ("en", "1250.50", "1250.50"), ("en", "1,250.50", "1250.50"), ("en", "1,250", "1250")],
        *[("en", "-1,234,567.89", "-1234567.89"), ("de", "12,50", "12.50"), ("de", "1250,50", "1250.50")],
        *[("de", "1.250,50", "1250.50"), ("de", "1.250", "1250"), ("de", "12", "12")],
        *[("en", "12.50 ", "12.50"), ("de", "\t12,50\n", "12.50"), ("de", " 1.250,50", "1250.50")],
    ],
)
def test_an_amount_is_read_as_the_language_writes_it(language: str, text: str, price: str):
    with translation.override(language):
        assert DecimalField().clean(text) == Decimal(price)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        *[("en", "12,50"), ("en", "1,25"), ("en", "0,125"), ("en", "1.250,50"), ("en", "1,2500"), ("en", "12,345,6")],
        *[("en", "1.2.3"), ("en", ",5"), ("de", "12.50"), ("de", "1.25"), ("de", "1,250.50"), ("de", "1.2500,5")],
    ],
)
def test_any_other_amount_is_refused_with_an_example(language: str, text: str):
    with translation.override(language), pytest.raises(ValidationError) as refused:
        DecimalField().clean(text)

    assert {"en": "1,250.50", "de": "1.250,50"}[language] in refused.value.messages[0]


@pytest.mark.parametrize(("language", "text"), [("en", "1,000"), ("de", "1.000"), ("en", "1000"), ("de", " 1000 ")])
def test_a_whole_number_is_read_as_the_language_writes_it(language: str, text: str):
    with translation.override(language):
        assert IntegerField().clean(text) == 1000


@pytest.mark.parametrize(("language", "text"), [("en", "10,00"), ("en", "1.000"), ("de", "10.00"), ("de", "1,000")])
def test_any_other_whole_number_is_refused_with_an_example(language: str, text: str):
    with translation.override(language), pytest.raises(ValidationError) as refused:
        IntegerField().clean(text)

    assert {"en": "1,250", "de": "1.250"}[language] in refused.value.messages[0]


@pytest.mark.parametrize(("language", "shown"), [("en", ["1,250.50", "1,000"]), ("de", ["1.250,50", "1.000"])])
def test_a_form_shows_numbers_as_it_reads_them(language: str, shown: list[str]):
    initial = {"price": Decimal("1250.50"), "units": 1000}
    with translation.override(language):
        form = PriceForm(initial=initial)
        values = [form[name].value() for name in initial]
        sent = PriceForm(dict(zip(initial, values, strict=True)), initial=initial)

        assert values == shown
        assert (sent.is_valid(), sent.cleaned_data, sent.has_changed()) == (True, initial, False)


def test_a_browser_keeps_every_character_that_is_typed():
    html = str(PriceForm())

    assert (html.count('type="text"'), html.count('type="number"')) == (2, 0)
    assert ('inputmode="decimal"' in html, 'inputmode="numeric"' in html) == (True, True)


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_query_of_the_api_reads_the_same_in_every_language(language: str):
    with translation.override(language):
        assert PlainIntegerField().clean("1000") == 1000
        for text in ("1,000", "1.000"):
            with pytest.raises(ValidationError):
                PlainIntegerField().clean(text)
