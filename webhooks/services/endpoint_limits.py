"""How many deliveries an endpoint gets at once, so that slow ones leave threads for all others."""

from dataclasses import dataclass, field
from typing import Final

# Of an endpoint that answers quickly; of one that has not answered this process yet.
MAX_AT_ONCE: Final = 20
FIRST_AT_ONCE: Final = 4
# An answer that takes so long is a slow one; endpoints with slow answers share so many threads, each has one at least.
SLOW_MS: Final = 1_000
SLOW_AT_ONCE: Final = 24


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    """What this process has seen of endpoints, by their ids."""

    quick: set[int] = field(default_factory=set)
    slow: set[int] = field(default_factory=set)

    def learn(self, endpoint_id: int, ms: int) -> None:
        """Notes how long the last answer of an endpoint took."""
        is_slow = ms >= SLOW_MS
        (self.slow if is_slow else self.quick).add(endpoint_id)
        (self.quick if is_slow else self.slow).discard(endpoint_id)

    @property
    def slow_at_once(self) -> int:
        """The share of each slow endpoint."""
        return max(1, min(MAX_AT_ONCE, SLOW_AT_ONCE // max(1, len(self.slow))))
