"""What the counters of all processes have risen by since they were last looked at."""

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.conf import settings

from pms_backend.metrics.reading import Labels, totals
from pms_backend.operations.business_metrics import services

# The counters, and those of their labels that are kept: each further one multiplies the rows.
SAMPLED: Final[Mapping[str, tuple[str, ...]]] = {
    "pms_http_requests_total": ("status", "tier"),
    "pms_response_cache_total": ("result",),
    "pms_events_total": ("status",),
    "pms_sync_runs_total": ("status",),
    "pms_deliveries_total": ("result",),
    "pms_errors_total": ("layer", "code"),
}
# In METRICS_DIR, so that it goes when the counters go: a new stack starts with an empty directory.
FILE_NAME: Final = "sampled.json"

Totals = Counter[tuple[str, Labels]]


class Sampler:
    """Adds what the counters have risen by to the database; `run` it once a minute, in one process of the stack.

    A new sampler continues where the last one of this stack was. Only one that is killed between its transaction and
    the writing of its file counts that minute again.
    """

    def __init__(self) -> None:
        self._file = Path(settings.METRICS_DIR, FILE_NAME) if settings.METRICS_DIR else None
        self._counted = self._read()

    def run(self) -> None:
        """Adds the increases since the last time that this succeeded; raises what the database raises."""
        present = read_totals()
        services.add_increases(_increases(self._counted, present))
        self._counted = present
        self._write()

    def _read(self) -> Totals:
        try:
            rows = json.loads(self._file.read_bytes()) if self._file else []
            return Counter({(name, tuple(map(tuple, labels))): total for name, labels, total in rows})
        except (OSError, ValueError, TypeError):
            return Counter()

    def _write(self) -> None:
        """Replaces the file at once; on a full disk it stays as it is."""
        if self._file is None:
            return
        rows = [(name, labels, total) for (name, labels), total in self._counted.items()]
        written = self._file.with_suffix(".new")
        with suppress(OSError):
            written.write_text(json.dumps(rows))
            written.replace(self._file)


def read_totals() -> Totals:
    """The present totals of the sampled counters, by their names and those of their labels that are kept."""
    found: Totals = Counter()
    for name, by_labels in totals(SAMPLED).items():
        for labels, value in by_labels.items():
            found[name, tuple(label for label in labels if label[0] in SAMPLED[name])] += int(value)
    return found


def _increases(before: Totals, present: Totals) -> Totals:
    """What has risen. A counter that is lower than before has started again at 0."""
    return Counter(
        {
            key: increase
            for key, total in present.items()
            if (increase := total - before[key] if total >= before[key] else total)
        }
    )
