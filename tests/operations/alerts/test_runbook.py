"""Every alert has a section in the runbook, and every section an alert."""

import re

import pytest

from pms_backend.operations import health
from pms_backend.operations.alerts.catalogue import KINDS
from tests.architecture.sources import ROOT

# The monitor does not see the web server from outside, Prometheus does.
OF_PROMETHEUS = "web"


def sections() -> dict[str, str]:
    """The text of each section `### Alert: NAME`."""
    guide = (ROOT / "docs" / "operations.md").read_text()
    found = re.findall(r"^### Alert: (\S+)\n(.*?)(?=^##)", guide, re.MULTILINE | re.DOTALL)
    return dict(found)


def test_each_alert_has_a_section_and_each_section_an_alert():
    assert list(sections()) == [OF_PROMETHEUS, *KINDS]


@pytest.mark.django_db
def test_each_check_is_an_alert():
    assert set(health.run_checks()) <= set(KINDS)


@pytest.mark.parametrize("name", [OF_PROMETHEUS, *KINDS])
def test_a_section_says_what_it_means_how_to_check_it_and_what_to_do(name: str):
    meaning, _, rest = sections()[name].partition("- Check: ")

    assert len(meaning.split()) > 5
    assert rest.partition("\n- Cure: ")[1]
