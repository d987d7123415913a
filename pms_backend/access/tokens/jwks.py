"""The public keys that Supabase signs with: fetched once, kept, fetched again when they may have changed.

PyJWT's `PyJWKClient` would need every method replaced. It holds a lock while it fetches, so that requests with known
keys wait too; it serves no key once they have expired and Supabase is down; it limits fetches after a success only; and
its key sets take symmetric and private keys.
"""

import logging
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from pms_backend import metrics, outbound
from pms_backend.access.tokens.exceptions import KeysUnavailable

logger = logging.getLogger(__name__)

# An unknown `kid` costs its sender nothing: however many come, Supabase is asked this often at most.
REFRESH_SECONDS: Final = 60.0
# A key that Supabase has withdrawn is good for no longer than this, as long as Supabase answers.
MAX_AGE_SECONDS: Final = 600.0
FETCH_TIMEOUT_SECONDS: Final = 3.0
MAX_BYTES: Final = 64 * 1024

# Kind of key → the one algorithm that it is good for, and the members of RFC 7518 that its public half has.
_KINDS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "EC": ("ES256", ("crv", "x", "y")),
    "RSA": ("RS256", ("n", "e")),
}
_CURVE: Final = "P-256"

_now = time.monotonic


class NotKeys(Exception):
    """The answer holds no key set."""


class KeySet:
    """The keys at one address, shared by the threads of a process."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: Mapping[str, PyJWK] | None = None
        self._fetched_at = self._asked_at = float("-inf")
        self._fetching = threading.Lock()

    def get(self, kid: str) -> PyJWK | None:
        """The key of this name, or nothing. Raises `KeysUnavailable` where no key was ever had.

        A known key is served from memory while Supabase is down. May fetch: never to be called in a transaction.
        """
        known = self._keys is not None and kid in self._keys
        if known and _now() - self._fetched_at > MAX_AGE_SECONDS:
            self._refresh(wait=False)
        elif not known:
            self._refresh(wait=True)
        if self._keys is None:
            raise KeysUnavailable("The keys to check this token with cannot be had at present; try again later.")
        return self._keys.get(kid)

    def _refresh(self, *, wait: bool) -> None:
        """Asks, unless that was done lately; one thread at a time, for which the others wait or not."""
        is_under_way = wait and self._fetching.locked()
        if (self._was_asked_lately() and not is_under_way) or not self._fetching.acquire(blocking=wait):
            return
        try:
            if not self._was_asked_lately():
                self._asked_at = _now()
                self._fetch()
        finally:
            self._fetching.release()

    def _was_asked_lately(self) -> bool:
        return _now() - self._asked_at < REFRESH_SECONDS

    def _fetch(self) -> None:
        try:
            self._keys = read_keys(fetch(self._url))
        except (outbound.OutboundError, NotKeys) as error:
            metrics.jwks_fetches_total.labels("failed").inc()
            metrics.count_error(metrics.Layer.INTEGRATION, "jwks_fetch_failed")
            logger.warning("Supabase's keys cannot be had; those that are known stay: %r", error)
        else:
            self._fetched_at = _now()
            metrics.jwks_fetches_total.labels("ok").inc()


_key_sets: dict[str, KeySet] = {}


def key_set(url: str) -> KeySet:
    """This process's one key set of an address."""
    return _key_sets.setdefault(url, KeySet(url))


def fetch(url: str) -> bytes:
    """The body at `url`, if it comes in time, at once and is no longer than `MAX_BYTES`.

    The host is the operator's own setting, which may well name a private address.
    Raises `outbound.OutboundError`, `NotKeys`.
    """
    bounds = outbound.Bounds(max_bytes=MAX_BYTES, total_seconds=FETCH_TIMEOUT_SECONDS, max_redirects=0)
    answer = outbound.fetch(url, bounds=bounds, may_be_private=True)
    if answer.status != HTTPStatus.OK:
        raise NotKeys(f"it answered {answer.status}")
    return answer.body


def read_keys(body: bytes) -> dict[str, PyJWK]:
    """The usable keys of a JWK set by their `kid`: for signatures, asymmetric, of a kind that we take.

    Raises `NotKeys` where it is no JWK set.
    """
    try:
        entries = orjson.loads(body)["keys"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise NotKeys("it sent no JWK set") from None
    if not isinstance(entries, list):
        raise NotKeys("it sent no JWK set")
    return {entry["kid"]: key for entry in entries if (key := _key(entry)) is not None}


def _key(entry: Any) -> PyJWK | None:
    """Its public half; nothing where the entry says that it is for something else."""
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
        return None
    algorithm, members = _KINDS.get(str(entry.get("kty")), ("", ()))
    if not algorithm or entry.get("alg", algorithm) != algorithm or entry.get("crv", _CURVE) != _CURVE:
        return None
    if not all(isinstance(entry.get(member), str) for member in members):
        return None
    try:
        return PyJWK({"kty": entry["kty"], **{member: entry[member] for member in members}}, algorithm)
    except (PyJWTError, ValueError):
        return None
