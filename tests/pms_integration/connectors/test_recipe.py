"""The connectors here follow the recipe in CONTRIBUTING: they are small, and use nothing but the contract."""

import ast
from pathlib import Path

import pytest

KINDS = ["shopify", "woocommerce", "medusa"]
MAX_LINES = 80
ALLOWED = {
    "base64", "collections.abc", "hashlib", "hmac", "re", "typing", "pms_integration.connectors.contract",
    "pms_integration.connectors.standard", "pms_integration.exceptions",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_connector_is_small_and_pure(kind: str) -> None:
    source = (Path(__file__).parent / f"{kind}.py").read_text()
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {name for node in imports for name in _modules(node)}

    assert len(source.splitlines()) < MAX_LINES
    assert names <= ALLOWED


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
