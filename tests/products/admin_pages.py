"""The pages of products in the admin, as a browser sends them."""

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from django.template.response import SimpleTemplateResponse
from django.test import Client
from django.urls import reverse

from products.admin.variants import VariantFormSet
from products.models import Product
from tests.staff import form_of

LIST = "/admin/products/product/"
ADD = "/admin/products/product/add/"
PUBLISH = {"products_product_publish": ""}


def page(product: Product, name: str = "change") -> str:
    """The address of a page of a product."""
    return reverse(f"admin:products_product_{name}", args=[product.pk])


def send(client: Client, address: str, *rows: dict[str, Any], **more: Any) -> Any:
    """Opens a page, adds these rows of variants and sends it with other values; `rows_INDEX_FIELD` is that of a row.

    Pages are not rendered, which takes most of the time: `context_data` has what they show.
    """
    with patch.object(SimpleTemplateResponse, "rendered_content", ""):
        opened = client.get(address)
        return client.post(address, _edited(opened, rows, more))


def _edited(opened: Any, rows: Sequence[dict[str, Any]], more: dict[str, Any]) -> dict[str, Any]:
    sent = form_of(SimpleNamespace(context=opened.context_data))
    first = len(rows_of(opened).initial_forms)
    sent["variants-TOTAL_FORMS"] = first + len(rows)
    for index, row in enumerate(rows, first):
        sent |= {f"variants-{index}-{name}": _as_sent(value) for name, value in row.items()}
    for name, value in more.items():
        is_of_row = name.startswith("rows_")
        key = "variants-{}-{}".format(*name.removeprefix("rows_").split("_", 1)) if is_of_row else name
        sent[key] = _as_sent(value)
    return sent


def rows_of(response: Any) -> VariantFormSet:
    """The rows of variants on a page."""
    formsets = [inline.formset for inline in response.context_data["inline_admin_formsets"]]
    return next(formset for formset in formsets if isinstance(formset, VariantFormSet))


def errors_of(response: Any) -> list[dict[str, list[str]]]:
    """The errors of each row."""
    return [dict(form.errors) for form in rows_of(response).forms]


def _as_sent(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value
