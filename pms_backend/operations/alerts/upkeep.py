"""What the monitor does beside alerts: it keeps the figures of the page "Operations", and deletes what is too old."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from pms_backend.operations.alerts import services
from pms_backend.operations.business_metrics.sampling import Sampler
from pms_backend.operations.business_metrics.services import prune_increases

logger = logging.getLogger(__name__)

MINUTE: Final = 60.0
HOUR: Final = 3600.0


class Upkeep:
    """Work that is due at an interval; one that fails is done again at the next, and fails nothing else."""

    def __init__(self) -> None:
        self._work: Sequence[tuple[Callable[[], object], float]] = (
            (Sampler().run, MINUTE),
            (services.prune_alerts, HOUR),
            (prune_increases, HOUR),
        )
        self._done_at = [float("-inf")] * len(self._work)

    def run_due(self) -> None:
        """Does what is due."""
        for number, (work, interval) in enumerate(self._work):
            if time.monotonic() - self._done_at[number] < interval:
                continue
            self._done_at[number] = time.monotonic()
            try:
                work()
            except Exception:
                logger.exception("The upkeep of the monitor has failed")
