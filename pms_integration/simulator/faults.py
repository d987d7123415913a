"""When and how the simulator fails: each fault has a probability and a random stream of its own.

Faults of requests, one a request, in this order:

    timeout_before     no answer for `timeout_seconds`, then the connection is closed; nothing was done
    500, 429, 503      this status; nothing was done; 429 and 503 with `Retry-After: retry_after_seconds`
    timeout_after      the same as timeout_before, but the request has had its effect
    half_answer        it has had its effect; the connection is closed in the middle of the body
    wrong_json         it has had its effect; the body is an HTML page, JSON of another shape, or half of the JSON
    truncated_listing  the list ends early, with `"next": null`

Faults of webhooks, which may coincide, except that a lost one is only lost:

    lost_webhook       it is never sent
    duplicate_webhook  it is sent again, under the same id, up to `duplicate_seconds` later
    late_webhook       it is sent between 0 and `late_seconds` later
    reordered_webhook  it is sent after the next one, or after `reorder_seconds` where none comes; one at a time

The same seed gives the same faults for the same requests in the same order.
"""

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

REQUEST_FAULTS: Final = (
    *("timeout_before", "500", "429", "503"),
    *("timeout_after", "half_answer", "wrong_json", "truncated_listing"),
)
WEBHOOK_FAULTS: Final = ("lost_webhook", "duplicate_webhook", "late_webhook", "reordered_webhook")
DEFAULT_SECONDS: Final = {
    "timeout_seconds": 30.0,
    "retry_after_seconds": 1.0,
    "duplicate_seconds": 2.0,
    "late_seconds": 60.0,
    "reorder_seconds": 2.0,
}
LISTINGS: Final = ("GET /products?", "GET /stock?")


def parse_faults(text: str) -> dict[str, float]:
    """The values of `500=0.1,timeout_seconds=5`. Raises `ValueError`."""
    values = {}
    for item in filter(None, text.split(",")):
        name, _, value = item.partition("=")
        try:
            values[name.strip()] = float(value)
        except ValueError:
            raise ValueError(f"{item!r} is not NAME=NUMBER.") from None
    return values


@dataclass(frozen=True)
class FaultSettings:
    """Probabilities by fault and durations in seconds. Raises `ValueError` for what is neither.

    `only`: requests that begin with this, such as `POST /stock/adjustments`. `times`: so many requests fail at most.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    only: str = ""
    times: int | None = None

    def __post_init__(self) -> None:
        for name, value in self.values.items():
            if name not in (*REQUEST_FAULTS, *WEBHOOK_FAULTS, *DEFAULT_SECONDS):
                raise ValueError(f"{name!r} is no fault.")
            if not 0 <= value <= (86_400 if name in DEFAULT_SECONDS else 1):
                raise ValueError(f"{name} must be {'seconds, at most a day' if name in DEFAULT_SECONDS else '0 to 1'}.")


class Faults:
    """Draws the faults. Its methods may be called by several threads."""

    def __init__(self, settings: FaultSettings, seed: str) -> None:
        self._lock = threading.Lock()
        self.configure(settings, seed)

    def configure(self, settings: FaultSettings, seed: str | None = None) -> None:
        """Replaces all settings; a seed begins the random streams anew."""
        with self._lock:
            self.settings = settings
            self._times = settings.times
            if seed is not None:
                names = (*REQUEST_FAULTS, *WEBHOOK_FAULTS, *DEFAULT_SECONDS, "shape")
                self._streams = {name: random.Random(f"{seed}:{name}") for name in names}  # noqa: S311 - a simulation

    def of_request(self, line: str) -> str:
        """The fault of a request, such as `GET /products?limit=5`; empty for none."""
        with self._lock:
            drawn = [name for name in REQUEST_FAULTS if self._happens(name)]
            if not f"{line}?".startswith(LISTINGS) and "truncated_listing" in drawn:
                drawn.remove("truncated_listing")
            if not drawn or not line.startswith(self.settings.only) or self._times == 0:
                return ""
            if self._times is not None:
                self._times -= 1
            return drawn[0]

    def of_webhook(self) -> frozenset[str]:
        """The faults of a webhook."""
        with self._lock:
            return frozenset([name for name in WEBHOOK_FAULTS if self._happens(name)])

    def seconds(self, name: str) -> float:
        """A duration as it is set."""
        return self.settings.values.get(name, DEFAULT_SECONDS[name])

    def some_seconds(self, name: str) -> float:
        """A random part of a duration."""
        with self._lock:
            return self._streams[name].uniform(0, self.seconds(name))

    def wrong_json(self, body: bytes) -> bytes:
        """What is sent in place of an answer's JSON."""
        with self._lock:
            shape = self._streams["shape"].choice(("page", "other shape", "half"))
        return {"page": b"<html>Bad gateway</html>", "other shape": b"[null, 1]", "half": body[: len(body) // 2]}[shape]

    def _happens(self, name: str) -> bool:
        return self._streams[name].random() < self.settings.values.get(name, 0.0)
