"""Finds what writes to the database in a syntax tree.

A tree has no types, so that this goes by what a write looks like: calls that only models and QuerySets have, and calls
that others have too (`dict.update`, `redis.delete(key)`) where the receiver comes from a query or is a model's row.
"""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import texts

# Models and QuerySets alone have these, but for `save`: one of Pillow's or of a storage's stands in the allow-list.
ONLY_MODELS_HAVE = frozenset(
    {"save", "bulk_create", "bulk_update", "get_or_create", "update_or_create"}
    | {"asave", "acreate", "aupdate", "adelete", "abulk_create", "abulk_update", "aget_or_create", "aupdate_or_create"}
)
OTHERS_HAVE_TOO = frozenset({"create", "update", "delete"})
MANAGERS = frozenset({"objects", "_default_manager", "_base_manager", "queryset"})
OF_QUERIES = frozenset(
    {"all", "annotate", "exclude", "filter", "first", "get_object", "get_queryset", "last", "order_by"}
    | {"select_for_update", "select_related", "prefetch_related", "using"}
)
ROWS_BY_NAME = frozenset({"queryset", "qs", "instance", "obj"})
DRF_WRITES_BY_ITSELF = {
    "CreateModelMixin": {"perform_create"},
    "UpdateModelMixin": {"perform_update"},
    "DestroyModelMixin": {"perform_destroy"},
    "CreateAPIView": {"perform_create"},
    "UpdateAPIView": {"perform_update"},
    "DestroyAPIView": {"perform_destroy"},
    "ListCreateAPIView": {"perform_create"},
    "RetrieveUpdateAPIView": {"perform_update"},
    "RetrieveDestroyAPIView": {"perform_destroy"},
    "RetrieveUpdateDestroyAPIView": {"perform_update", "perform_destroy"},
    "ModelViewSet": {"perform_create", "perform_update", "perform_destroy"},
}
WRITING_SQL = re.compile(
    r"\bINSERT\s+INTO\b|\bUPDATE\s+[\w\"{}.]+(\s+AS\s+\w+)?\s+SET\b|\bDELETE\s+FROM\b|\bTRUNCATE\b|\bMERGE\s+INTO\b",
    re.IGNORECASE,
)


def find_writes(tree: ast.Module) -> list[tuple[int, str]]:
    """Each write, as its line and its description."""
    found = [*_calls(tree), *_classes(tree)]
    found += [(line, "writing SQL") for line, text in texts(tree) if WRITING_SQL.search(text)]
    return sorted(found)


def _calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    rows = _names_of_rows(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_write(node, node.func, rows):
            yield node.lineno, f".{node.func.attr}()"


def _is_write(call: ast.Call, method: ast.Attribute, rows: set[str]) -> bool:
    if method.attr in ONLY_MODELS_HAVE:
        return True
    if method.attr not in OTHERS_HAVE_TOO:
        return False
    if method.attr == "delete" and not call.args and not call.keywords:
        return True
    if method.attr == "create" and isinstance(method.value, ast.Attribute):
        # A related manager: `product.variants.create()`.
        return True
    return _comes_from_a_query(method.value, rows)


def _comes_from_a_query(node: ast.AST, rows: set[str]) -> bool:
    while True:
        match node:
            case ast.Name(id=name):
                return name in rows or name in ROWS_BY_NAME
            case ast.Attribute(attr=name) if name in MANAGERS or name in ROWS_BY_NAME or name == "model":
                return True
            case ast.Call(func=ast.Attribute(attr=name)) if name in OF_QUERIES:
                return True
            case ast.Call(func=ast.Name(id="get_object_or_404")):
                return True
            case (
                ast.Attribute(value=inner) | ast.Call(func=inner) | ast.Subscript(value=inner) | ast.Await(value=inner)
            ):
                node = inner
            case _:
                return False


def _names_of_rows(tree: ast.Module) -> set[str]:
    """Names that hold a row or a QuerySet anywhere in the module; finds rather too many."""
    models = {alias.asname or alias.name for node in ast.walk(tree) for alias in _imported_models(node)}
    rows: set[str] = set()
    for _ in range(3):  # names that are assigned from names
        for node in ast.walk(tree):
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.NamedExpr(target=ast.Name(id=name), value=value)
                ):
                    if _comes_from_a_query(value, rows) or _makes(value, models):
                        rows.add(name)
                case (
                    ast.For(target=ast.Name(id=name), iter=value)
                    | ast.comprehension(target=ast.Name(id=name), iter=value)
                ):
                    if _comes_from_a_query(value, rows):
                        rows.add(name)
                case ast.arg(arg=name, annotation=annotation) if annotation is not None:
                    words = set(re.findall(r"\w+", ast.unparse(annotation)))
                    if words & (models | {"QuerySet"}) and "type" not in words:
                        rows.add(name)
    return rows


def _imported_models(node: ast.AST) -> list[ast.alias]:
    if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[-1] == "models":
        return [alias for alias in node.names if alias.name[:1].isupper()]
    return []


def _makes(value: ast.AST, models: set[str]) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in models


def _classes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """DRF views and serializers that save without a service."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        bases = {name for base in node.bases for name in re.findall(r"\w+", ast.unparse(base))}
        methods = {child.name for child in node.body if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)}
        for base in bases & set(DRF_WRITES_BY_ITSELF):
            for missing in sorted(DRF_WRITES_BY_ITSELF[base] - methods):
                yield node.lineno, f"{base} without a {missing} of its own"
        if any(base.endswith("Serializer") for base in bases):
            for method in sorted(methods & {"create", "update", "save"}):
                yield node.lineno, f"a serializer with a {method}"
