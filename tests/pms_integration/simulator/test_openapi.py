"""docs/pms-openapi.yaml: it is valid, names what the simulator serves, and the simulator answers as it says."""

import zlib
from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from openapi_spec_validator import validate
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pms_integration.simulator import contract
from tests.architecture.sources import ROOT
from tests.pms_integration.simulator.calling import Caller
from tests.pms_integration.simulator.test_process import simulator

DOCUMENT: Final = ROOT / "docs" / "pms-openapi.yaml"
SEED: Final = 2026
EXAMPLES: Final = 20
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
# What exists, by the name of a parameter or member: half of the examples say it, since hardly any would hit it.
EXISTING: Final[dict[str, Any]] = {"sku": "SIM-00001-S", "location": "W1", "id": "p-0000001", "If-Match": '"1"'}

schema = schemathesis.openapi.from_path(
    DOCUMENT,
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


def with_existing(values: Any) -> Any:
    if isinstance(values, list):
        return [with_existing(value) for value in values]
    if not isinstance(values, dict):
        return values
    replaces = zlib.crc32(repr(values).encode()) % 2 == 0
    return {
        name: EXISTING[name] if replaces and name in EXISTING and isinstance(value, str) else with_existing(value)
        for name, value in values.items()
    }


@schema.hook
def map_path_parameters(_: schemathesis.HookContext, path_parameters: Any) -> Any:
    return with_existing(path_parameters)


@pytest.fixture(scope="module")
def pms() -> Iterator[Caller]:
    with simulator("--products", "20") as pms:
        yield pms


@schema.parametrize()
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_simulator_answers_as_the_document_says(case: schemathesis.Case, pms: Caller) -> None:
    headers = {"Authorization": pms.http.headers["Authorization"]}

    response = case.call(base_url=str(pms.http.base_url).rstrip("/"), headers=headers)

    case.validate_response(response, checks=CHECKS)
    assert response.headers["date"]


def test_the_document_is_valid():
    validate(yaml.safe_load(DOCUMENT.read_text()))


def test_the_document_names_what_the_simulator_serves():
    paths = yaml.safe_load(DOCUMENT.read_text())["paths"]
    named = {
        (path.replace("{id}", "*"), method.upper())
        for path, operations in paths.items()
        for method in operations
        if method != "parameters"
    }
    served = {(f"/{'/'.join(pattern)}", method) for pattern, methods in contract.ROUTES.items() for method in methods}

    assert named == served
