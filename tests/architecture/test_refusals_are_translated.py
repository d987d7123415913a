"""What services refuse with is a text that staff can read in their language: it goes through gettext."""

import ast
import functools
from collections.abc import Iterator
from typing import Final

import pytest

from pms_backend.api.exceptions import DomainError
from tests.architecture.sources import modules

# What only programs see, and what is stored, in English, for whoever reads it later.
OF_PROGRAMS: Final = {
    *("pms_backend/api/services.py", "pms_backend/access/services/nonces.py", "pms_backend/access/tokens/services.py"),
    *("products/services/uploads.py", "inventory/services/repairs.py"),
    *("pms_integration/services/product_reports.py", "pms_integration/services/receiving.py"),
    *("pms_integration/services/report_validation.py", "pms_integration/services/stock_reports.py"),
}


def untranslated(tree: ast.Module) -> Iterator[str]:
    """The texts of refusals in a module, also those that have a name first, that are written out as they are."""
    named = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func).rpartition(".")[2]
        index = 2 if name == "FieldError" else 0
        if (name == "FieldError" or name in refusals()) and len(call.args) > index:
            text = call.args[index]
            text = named.get(text.id, text) if isinstance(text, ast.Name) else text
            text = text.left if isinstance(text, ast.BinOp) else text
            if isinstance(text, ast.JoinedStr) or (isinstance(text, ast.Constant) and text.value):
                yield ast.unparse(text)


@functools.cache
def refusals(base: type[Exception] = DomainError) -> set[str]:
    """The names of all domain errors."""
    return {base.__name__}.union(*map(refusals, base.__subclasses__()))


def test_services_refuse_in_words_that_are_translated():
    found = {
        path: list(untranslated(tree))
        for path, tree in modules().items()
        if "services" in path and path not in OF_PROGRAMS
    }

    assert len(found) > 100
    assert {path: texts for path, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    "source",
    ['raise Invalid(f"No {x}.")', 'detail = "No."\nraise Invalid(detail)', 'FieldError("/sku", "taken", "No %s." % x)'],
)
def test_a_text_that_is_not_translated_is_found(source: str):
    assert len(list(untranslated(ast.parse(source)))) == 1
