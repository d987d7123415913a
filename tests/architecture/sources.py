"""Our own code as syntax trees, for the gates."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("pms_backend", "products", "inventory", "pms_integration", "webhooks")
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@functools.cache
def modules() -> dict[str, ast.Module]:
    """Every module except migrations, by its path from the root."""
    return {path: ast.parse((ROOT / path).read_text()) for path in paths()}


@functools.cache
def paths() -> tuple[str, ...]:
    """The modules' paths from the root."""
    found = (path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return tuple(sorted(path.as_posix() for path in found if "migrations" not in path.parts))


def inside_functions(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Each node inside a function, with the innermost function around it."""
    stack: list[tuple[ast.AST, ast.AST | None]] = [(tree, None)]
    while stack:
        node, function = stack.pop()
        if function is not None:
            yield node, function
        inner = node if isinstance(node, FunctionNode) else function
        stack += [(child, inner) for child in ast.iter_child_nodes(node)]


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every string of a module with its line, without docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value
