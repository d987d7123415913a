"""The files for Prometheus and Grafana are valid."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from pms_backend.operations.alerts.catalogue import KINDS
from pms_backend.standalone import PROJECT
from tests.operations.alerts.test_runbook import OF_PROMETHEUS

PROMETHEUS: Final = PROJECT / "deploy/prometheus"
DASHBOARD: Final[dict[str, Any]] = json.loads((PROJECT / "deploy/grafana/pms.json").read_text())
RULES: Final[list[dict[str, Any]]] = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0]["rules"]
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())


# What a family's samples are called.
SUFFIXES: Final = ("", "_total", "_bucket", "_sum", "_count")


@pytest.fixture
def promtool() -> str:
    """Its path; without it there is nothing to test with."""
    found = shutil.which("promtool")
    if found is None:
        reason = "There is no promtool: the rules are not tested (REQUIRE_PROMTOOL=1 makes this an error)."
        if os.environ.get("REQUIRE_PROMTOOL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def run(*command: str) -> str:
    """What it says; it must succeed."""
    done = subprocess.run(command, cwd=PROMETHEUS, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def panels() -> Iterator[dict[str, Any]]:
    yield from DASHBOARD["panels"]


def expressions() -> list[str]:
    """All queries: of the rules and of the dashboard."""
    return [
        *(rule["expr"] for rule in RULES),
        *(target["expr"] for panel in panels() for target in panel.get("targets", ())),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        # The token's file exists only in the container.
        ("check", "config", "--syntax-only", "prometheus.yml"),
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_promtool_accepts(promtool: str, arguments: tuple[str, ...]) -> None:
    assert "SUCCESS" in run(promtool, *arguments)


def test_the_queries_of_the_dashboard_are_valid(promtool: str, tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "1m")}
        for number, query in enumerate(expressions())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))

    assert f"{len(rules)} rules found" in run(promtool, "check", "rules", str(file))


@pytest.mark.django_db
def test_every_metric_that_a_query_names_exists(client: Client) -> None:
    shown = {family.name for family in text_string_to_metric_families(client.get("/metrics").content.decode())}
    named = {name for query in expressions() for name in re.findall(r"\bpms_\w+", query)}

    assert named - {f"{name}{suffix}" for name in shown for suffix in SUFFIXES} == set()
    assert len(named) > 20


def test_each_alert_of_the_monitor_has_a_rule_and_each_rule_but_one_is_an_alert() -> None:
    assert [rule["alert"] for rule in RULES] == [OF_PROMETHEUS, *KINDS]


def test_each_rule_says_what_to_do() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}
        assert rule["annotations"]["runbook"] == f"docs/operations.md#alert-{rule['alert']}"


def test_each_rule_is_tested_to_fire_and_not_to_fire() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    tried = [
        (one["alertname"], bool(one["exp_alerts"])) for test in tests for one in test["alert_rule_test"]
    ]  # fmt: skip

    assert {(rule["alert"], fires) for rule in RULES for fires in (True, False)} == set(tried)


def test_panels_have_ids_titles_and_queries_of_the_chosen_data_source() -> None:
    ids = [panel["id"] for panel in panels()]

    assert len(set(ids)) == len(ids)
    for panel in panels():
        assert panel["title"]
        assert panel["type"] == "row" or panel["targets"]
        for target in panel.get("targets", ()):
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource"]


def test_docker_compose_mounts_what_the_files_name() -> None:
    services = COMPOSE["services"]
    (scrape,) = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    datasource = yaml.safe_load((PROJECT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text())
    provider = yaml.safe_load((PROJECT / "deploy/grafana/provisioning/dashboards/pms.yml").read_text())
    (secret,) = services["prometheus"]["secrets"]

    assert scrape["static_configs"] == [{"targets": [f"web:{services['web']['environment']['PORT']}"]}]
    assert services["web"]["environment"]["ALLOWED_HOSTS"].endswith(",web")
    assert scrape["authorization"] == {"credentials_file": f"/run/secrets/{secret}"}
    assert COMPOSE["secrets"][secret] == {"environment": "METRICS_TOKEN"}
    assert datasource["datasources"][0]["url"] == "http://prometheus:9090"
    for name in ("prometheus", "grafana"):
        assert services[name]["profiles"] == ["monitoring"]
        assert re.search(r":v?\d+\.\d+\.\d+$", services[name]["image"])
        assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in services["grafana"]["volumes"]}
    assert mounted[f"{provider['providers'][0]['options']['path']}/pms.json"] == "./deploy/grafana/pms.json"
    assert all((PROJECT / source).exists() for source in mounted.values() if source.startswith("."))
