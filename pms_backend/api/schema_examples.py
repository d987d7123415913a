"""The examples of the OpenAPI document, which each app has in its module `api_examples`.

There, by operation id: `REQUESTS`, the body of each request, `FORMS`, where a form has other members than the JSON, and
`RESPONSES`, the answer of the first success. `tests/api/test_examples.py` sends each of them.
"""

import functools
from importlib import import_module
from typing import Any, Final

from django.apps import apps
from django.utils.module_loading import module_has_submodule
from drf_spectacular.utils import OpenApiExample

from pms_backend.api.parsers import JSONParser, MergePatchParser

MODULE: Final = "api_examples"
FORM: Final = "multipart/form-data"
_JSON_TYPES: Final = (JSONParser.media_type, MergePatchParser.media_type)
_SUCCESSES: Final = ["200", "201", "202"]


@functools.cache
def all_examples(kind: str) -> dict[str, Any]:
    """The examples of all apps by operation id; `kind` is `REQUESTS`, `FORMS` or `RESPONSES`."""
    owners = [app for app in apps.get_app_configs() if app.module and module_has_submodule(app.module, MODULE)]
    modules = [import_module(f"{app.name}.{MODULE}") for app in owners]
    return {operation: example for module in modules for operation, example in getattr(module, kind, {}).items()}


def examples_of(operation_id: str) -> list[OpenApiExample]:
    """The examples of an operation, for each media type that its bodies may have."""
    requests, responses = all_examples("REQUESTS"), all_examples("RESPONSES")
    form = all_examples("FORMS").get(operation_id, requests.get(operation_id))
    sent = [(media_type, requests[operation_id]) for media_type in _JSON_TYPES if operation_id in requests]
    sent += [(FORM, form)] if form is not None else []
    examples = [OpenApiExample("Request", value, request_only=True, media_type=kind) for kind, value in sent]
    if operation_id in responses:
        shown = responses[operation_id]
        examples.append(OpenApiExample("Response", shown, response_only=True, status_codes=_SUCCESSES))
    return examples
