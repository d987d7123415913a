"""The windows as gauges of `/metrics`."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from pms_backend.operations.business_metrics.windows import Sums
from pms_backend.operations.sync_success import Share


def gauges_of(windows: Mapping[str, Sums]) -> Iterator[Metric]:
    """The gauges; a ratio of nothing is left out."""
    requests = GaugeMetricFamily("pms_window_requests", "Requests answered in the window", labels=["window"])
    cache = GaugeMetricFamily(
        "pms_window_cache_hit_ratio", "Hits of the response cache, of hits and misses", labels=["window"]
    )
    sync = GaugeMetricFamily(
        "pms_window_sync_success_ratio", "PMS events and sync runs that succeeded, of those that ended",
        labels=["window"],
    )  # fmt: skip
    errors = GaugeMetricFamily(
        "pms_window_errors", "Errors in the window, by layer and code", labels=["window", "layer", "code"]
    )
    for window, sums in windows.items():
        requests.add_metric([window], sums.requests)
        _add_ratio(cache, window, sums.cache)
        _add_ratio(sync, window, sums.sync)
        for (layer, code), count in sums.errors.items():
            errors.add_metric([window, layer, code], count)
    yield from (requests, cache, sync, errors)


def _add_ratio(family: GaugeMetricFamily, window: str, share: Share) -> None:
    if share.whole:
        family.add_metric([window], share.succeeded / share.whole)
