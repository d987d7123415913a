"""Everything public has a docstring."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.architecture.sources import modules

# Modules whose names say everything that there is to say.
SPEAK_FOR_THEMSELVES = frozenset({"apps.py", "urls.py", "__main__.py"})


def find_silent(tree: ast.Module, path: str = "module.py") -> Iterator[str]:
    """Public names without a docstring: the module, its classes, its functions, and the classes' own methods."""
    name = PurePosixPath(path).name
    if tree.body and name not in SPEAK_FOR_THEMSELVES:
        if ast.get_docstring(tree) is None:
            yield f"{path}:1 the module"
        yield from _silent_in(tree, path, "")


def _silent_in(parent: ast.AST, path: str, prefix: str) -> Iterator[str]:
    for node in ast.iter_child_nodes(parent):
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if node.name.startswith("_") or node.name == "Meta":
            continue
        if ast.get_docstring(node) is None:
            yield f"{path}:{node.lineno} {prefix}{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from _silent_in(node, path, f"{node.name}.")


# It stands beside the stack: nobody but its own modules calls what is public in one of them.
STANDALONE = "pms_backend/standalone/"


def test_everything_public_has_a_docstring():
    stack = {path: tree for path, tree in modules().items() if not path.startswith(STANDALONE)}

    silent = [found for path, tree in stack.items() for found in find_silent(tree, path)]

    assert silent == []


@pytest.mark.parametrize(
    "source",
    [
        "X = 1",
        "'''M.'''\ndef f(): ...",
        "'''M.'''\nclass A:\n    x = 1",
        "'''M.'''\nclass A:\n    '''A.'''\n    def f(self): ...",
        "'''M.'''\nasync def f(): ...",
    ],
)
def test_a_missing_docstring_is_found(source):
    assert list(find_silent(ast.parse(source))) != []


@pytest.mark.parametrize(
    "source",
    [
        "",
        "'''M.'''\ndef _f(): ...",
        "'''M.'''\nclass A:\n    '''A.'''\n    class Meta: ...\n    def __str__(self): ...",
        "'''M.'''\ndef f():\n    '''F.'''\n    def inner(): ...",
    ],
)
def test_private_and_nested_names_need_no_docstring(source):
    assert list(find_silent(ast.parse(source))) == []
