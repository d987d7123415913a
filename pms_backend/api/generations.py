"""Generations: a random word for each thing that kept answers are made of.

An answer is kept with the words that were read before the database was, and is good for as long as they are the present
ones. Whoever changes the thing replaces its word after the commit, before anybody is told that it is done. A word that
is missing is made anew and never comes back, so that losing Redis loses answers and nothing else.

A name is `family` or `family:member`. An answer that is made of a member names its family too: many members at a time
are replaced by the family's word alone.
"""

import logging
import secrets
import threading
from collections.abc import Iterable, Sequence
from typing import Final

from django.db import transaction
from redis.exceptions import RedisError

from pms_backend import metrics
from pms_backend.api.exchange import Command, exchange

logger = logging.getLogger(__name__)

# No key of the cache lives longer, so that nothing, whatever went wrong, is older than this.
KEPT_SECONDS: Final = 60
# More members of one family than this are replaced by the family's word: 10,000 levels are no 10,000 commands.
MAX_MEMBERS: Final = 50
WORD_BYTES: Final = 12

_lock: Final = threading.Lock()
_owed: Final[set[str]] = set()


def key_of(name: str) -> str:
    """Where the word is in Redis."""
    return f"pms:generation:{name}"


def new_word() -> bytes:
    """One that never was."""
    return secrets.token_bytes(WORD_BYTES)


def widened(names: Iterable[str]) -> set[str]:
    """The names, those of a large family's members by the family's alone."""
    members: dict[str, set[str]] = {}
    for name in names:
        members.setdefault(name.partition(":")[0], set()).add(name)
    return {name for family, found in members.items() for name in ({family} if len(found) > MAX_MEMBERS else found)}


def replacing(names: Iterable[str]) -> list[Command]:
    """The commands that replace the words, for whoever has something else to tell Redis in the same exchange."""
    return [("SET", key_of(name), new_word(), "EX", KEPT_SECONDS) for name in widened(names)]


def replace(names: Iterable[str]) -> None:
    """Replaces the words now. What Redis does not take is logged, counted, and owed: `replace_owed` tries again."""
    with _lock:
        wanted = widened({*names, *_owed})
    if not wanted:
        return
    try:
        exchange(replacing(wanted))
    except RedisError as error:
        metrics.redis_failures_total.labels("generations").inc()
        logger.warning("Kept answers could not be told of a change, it will be tried again: %s", error)
        with _lock:
            _owed.update(wanted)
    else:
        with _lock:
            _owed.difference_update(wanted)


def replace_owed() -> None:
    """Replaces what Redis did not take before. The relay says it in every sweep."""
    replace(())


def replace_after_commit(names: Sequence[str]) -> None:
    """Replaces the words as soon as the running transaction is committed: for a change that no event tells of."""
    transaction.on_commit(lambda: replace(names), robust=True)
