"""Whatever text a catalogue may hold, its export is safe in a spreadsheet and imports back unchanged."""

import csv
import io

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pms_backend.api.spreadsheets import guarded, guarded_code, unguarded, unguarded_code
from products.models import Product
from products.serializers import ProductInputSerializer
from products.services import upsert_products
from tests.conftest import JSONClient
from tests.pms_integration.files.importing import counts, exported, imported
from tests.pms_integration.files.test_round_trip import state

FORMULA_SIGNS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
# What is hard: signs of formulas, quotes, commas, backslashes, line ends, and what is invisible.
TEXT = st.text(
    st.one_of(st.sampled_from(FORMULA_SIGNS + "'\",\\;> 01a<&/\u200d\u00a0"), st.characters(exclude_categories=["Cs"])),
    max_size=12,
)


@given(TEXT)
def test_a_guarded_cell_is_read_back_unchanged(text: str):
    assert unguarded(guarded(text)) == text
    assert unguarded_code(guarded_code(text)) == text


@given(TEXT)
def test_a_guarded_cell_is_not_a_formula(text: str):
    for cell in (guarded(text), guarded_code(text)):
        assert not cell.startswith(tuple(FORMULA_SIGNS))


@pytest.mark.django_db
@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), min_size=1, max_size=8))
def test_an_export_imports_back_unchanged(api: JSONClient, texts: list[tuple[str, str, str, str]]):
    for name, sku, description, option in texts:
        fields = {
            "name": name, "brand": option, "description": description, "tags": [tag for tag in (name, sku) if tag],
            "attributes": {"product_type": description} if description else {},
            "variants": [{"sku": sku, "barcode": option, "options": {"Size": option} if option else {}}],
        }  # fmt: skip
        serializer = ProductInputSerializer(data=fields)
        if serializer.is_valid():
            upsert_products(rows=[(0, serializer.validated_data)])
    content, before = exported(api), state()

    job = imported(api, content)

    assert (job["errors"], counts(job)) == ([], {"unchanged": n} if (n := Product.objects.count()) else {})
    assert (state(), exported(api)) == (before, content)
    for row in csv.reader(io.StringIO(content.decode(), newline="")):
        assert not [cell for cell in row if cell.startswith(tuple(FORMULA_SIGNS))]
