"""`GET /metrics` has the windows of the page "Operations"."""

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from tests.operations.business_metrics.increases import add, add_a_day

pytestmark = pytest.mark.django_db


def window_gauges(client: Client) -> dict[tuple[str, ...], float]:
    """The values by the name and the values of the labels."""
    return {
        (sample.name.removeprefix("pms_window_"), *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").content.decode())
        for sample in family.samples
        if sample.name.startswith("pms_window_")
    }


def test_each_window_has_its_gauges(client: Client) -> None:
    add_a_day()

    gauges = window_gauges(client)

    assert [gauges["requests", window] for window in ("1h", "24h", "30d")] == [3, 3_003, 63_003]
    assert gauges["cache_hit_ratio", "24h"] == pytest.approx(2 / 3)
    assert gauges["sync_success_ratio", "30d"] == 0.5
    assert gauges["errors", "timeout", "integration", "1h"] == 3
    assert gauges["errors", "not_found", "route", "30d"] == 21_001
    assert len(gauges) == 3 * 3 + 2 * 3


def test_a_ratio_of_nothing_is_left_out(client: Client) -> None:
    add("response_cache", 1, result="skip")

    assert window_gauges(client) == {("requests", "1h"): 0, ("requests", "24h"): 0, ("requests", "30d"): 0}
