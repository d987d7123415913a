"""The present values of metrics, added up over all processes of METRICS_DIR."""

import os
from collections.abc import Collection, Mapping
from typing import TypeAlias

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from pms_backend.metrics.process_files import forget_dead_processes

# The labels of a sample, sorted by name.
Labels: TypeAlias = tuple[tuple[str, str], ...]


def registry_of_all_processes() -> CollectorRegistry:
    """The registry that `/metrics` shows: of all processes of METRICS_DIR, without one of this process alone."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    forget_dead_processes()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def totals(samples: Collection[str]) -> Mapping[str, Mapping[Labels, float]]:
    """The values of the samples of these names, such as `pms_http_requests_total`, by their labels."""
    found: dict[str, dict[Labels, float]] = {name: {} for name in samples}
    for family in registry_of_all_processes().collect():
        for sample in family.samples:
            if sample.name in found:
                found[sample.name][tuple(sorted(sample.labels.items()))] = sample.value
    return found
