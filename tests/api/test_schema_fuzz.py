"""Whatever the schema allows, and what it forbids: no operation fails, and each answers what the schema says."""

import re
import zlib
from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.meta import TestPhase
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pms_backend.access.models import INTERNAL_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.wsgi import application
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.inventory.reserving import reserve
from tests.rolling_back import rolled_back

SEED: Final = 2026
# Made up for each operation, of what the schema allows and of what it does not.
EXAMPLES: Final = 8
# Made of the limits that the schema names, for all operations together: that bounds the time of the test.
LIMIT_CASES: Final = 1_000
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

schema = schemathesis.openapi.from_wsgi(
    "/api/schema/?format=json",
    application,
    config=SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "generation": {
                "mode": "all",
                "max-examples": EXAMPLES,
                "deterministic": True,
                "with-security-parameters": False,
            },
            "phases": {"stateful": {"enabled": False}},
        }
    ),
)

PATHS: Final[dict[str, dict[str, Any]]] = {
    path: {name: operation for name, operation in operations.items() if name != "parameters"}
    for path, operations in schema.raw_schema["paths"].items()
}
OPERATIONS: Final = [(method, path) for path, operations in PATHS.items() for method in operations]

# What exists, by the name of a parameter or a member: half of the examples say it, since hardly any would hit it. A new
# parameter that a 1 does not fit belongs here too.
EXISTING: dict[str, Any] = {
    "sku": "A-1",
    "location": "main",
    "code": "main",
    "slug": "demo",
    "from": "main",
    "to": "west",
}
# Where an id is not a product's: what stands before it in the path.
EXISTING_IDS: dict[str, int] = {}


@schema.hook
def map_path_parameters(context: schemathesis.HookContext, path_parameters: Any) -> Any:
    path = context.operation.path if context.operation else ""
    ids = [found for before, found in EXISTING_IDS.items() if f"/{before}/{{" in path]
    return with_existing(path_parameters, **({"id": ids[0]} if ids else {}))


@schema.hook
def map_body(_: schemathesis.HookContext, body: Any) -> Any:
    return with_existing(body)


def with_existing(values: Any, **more: Any) -> Any:
    if not isinstance(values, dict) or zlib.crc32(repr(sorted(values, key=str)).encode() + repr(values).encode()) % 2:
        return values
    existing = {**EXISTING, **more}
    return {name: existing.get(name, value) if isinstance(name, str) else value for name, value in values.items()}


@pytest.fixture
def key(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of a caller that may do everything, in a stack where there is something of each kind."""
    main = make_location("main")
    make_location("west")
    EXISTING["id"] = EXISTING["product"] = make_product("A-1").pk
    set_stock("A-1", "main", 10)
    EXISTING_IDS["reservations"] = reserve(("A-1", 2)).pk
    make_connection(owns=main)
    # They would close the connection, whose transaction is to be rolled back; Django's test client does the same.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    monkeypatch.setattr("pms_backend.api.handler.close_if_broken_or_old", lambda: None)
    yield create_api_client(name="fuzz", scopes=ALL_SCOPES, tier=INTERNAL_TIER).api_key
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


class Sample:
    """Of the cases at the limits: the first, which come to every parameter, then ever fewer of its many values."""

    def __init__(self) -> None:
        self.seen = self.taken = 0
        self.share = LIMIT_CASES // len(OPERATIONS)

    def takes(self, case: schemathesis.Case) -> bool:
        if case.meta is None or case.meta.phase.name != TestPhase.COVERAGE:
            return True
        self.seen += 1
        is_taken = self.taken < self.share and (self.seen <= self.share // 2 or self.seen % 5 == 0)
        self.taken += is_taken
        return is_taken


@pytest.fixture
def sample() -> Sample:
    return Sample()


@schema.parametrize()
# The fixtures' rows are there for every example: what one writes is rolled back.
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_operation_responds_as_the_schema_says(case: schemathesis.Case, key: str, sample: Sample) -> None:
    if not sample.takes(case):
        return
    with rolled_back():
        response = case.call(headers={"X-Api-Key": key})
    case.validate_response(response, checks=CHECKS)


def test_each_operation_has_its_share_of_the_cases() -> None:
    assert len(OPERATIONS) > 30
    assert Sample().share >= 5


def url_of(path: str) -> str:
    return re.sub(r"{(\w+)}", lambda parameter: str(EXISTING.get(parameter[1], 1)), path)


@pytest.mark.parametrize("path", PATHS)
def test_a_method_that_the_schema_does_not_name_is_a_405_of_ours(client: Client, key: str, path: str):
    named = {name.upper() for name in PATHS[path]}

    for method in {"TRACE", "PUT", "BREW"} - named:
        response = client.generic(method, url_of(path), headers={"X-Api-Key": key})

        assert (response.status_code, response["Content-Type"]) == (405, "application/problem+json"), method
        assert named <= set(response["Allow"].split(", ")), method


@pytest.mark.parametrize("path", PATHS)
def test_options_and_head_answer_without_a_failure(client: Client, key: str, path: str):
    options = client.options(url_of(path), headers={"X-Api-Key": key})
    head = client.head(url_of(path), headers={"X-Api-Key": key})

    assert (options.status_code, options["Content-Type"]) == (200, "application/json")
    assert head.content == b""
    assert head.status_code == client.get(url_of(path), headers={"X-Api-Key": key}).status_code
