"""Counters, gauges and histograms whose number of series is bounded, whatever their labels are."""

from typing import Final, Self

import prometheus_client

# A process counts so many sets of label values of a metric; further ones are counted together. The routes, methods,
# statuses and tiers of all requests are fewer.
MAX_LABEL_SETS: Final = 2_000
OTHER: Final = "other"


class _Bounded(prometheus_client.metrics.MetricWrapperBase):
    def labels(self, *values: str) -> Self:  # type: ignore[override]  # by position only
        """The series with these label values; a known one costs a look-up and no more."""
        known: Self | None = self._metrics.get(values)  # type: ignore[assignment]  # the library's `T` is this class
        if known is not None:
            return known
        is_full = len(self._metrics) >= MAX_LABEL_SETS
        return super().labels(*((OTHER,) * len(values) if is_full else values))


class Counter(_Bounded, prometheus_client.Counter):
    """prometheus_client's, bounded."""


class Gauge(_Bounded, prometheus_client.Gauge):
    """prometheus_client's, bounded."""


class Histogram(_Bounded, prometheus_client.Histogram):
    """prometheus_client's, bounded."""
