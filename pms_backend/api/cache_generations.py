"""Cache generations: a random token for each thing that cached responses are made of (ADR 0010).

A response is stored with the tokens that were read before the database was, and is valid as long as they are current.
Every writer replaces the token of what it changed after the commit, before the write is acknowledged. A token that is
missing is made anew and never comes back, so that losing Redis loses cached responses and nothing else.

A name is `family` or `family:member`. A response that is made of a member names its family too, so that many members
are invalidated by replacing the family's token alone.
"""

import functools
import secrets
import threading
from collections.abc import Iterable
from typing import Final

from redis.exceptions import RedisError

from pms_backend.api.redis_pipeline import TIMEOUT_IN_PAUSE_SECONDS, Command, report_failure, run_pipeline

# No key of the cache lives longer, so that whatever goes wrong, nothing is served that is older.
CACHE_SECONDS: Final = 60
# More members of one family than this are invalidated by the family's token: 10,000 levels are not 10,000 commands.
MAX_MEMBERS: Final = 50
TOKEN_BYTES: Final = 12

_lock: Final = threading.Lock()
_outstanding: Final[set[str]] = set()


@functools.lru_cache(maxsize=10_000)
def key_of(name: str) -> str:
    """The key in Redis under which the token is stored."""
    return f"pms:generation:{name}"


def new_token() -> bytes:
    """A token that was never used before."""
    return secrets.token_bytes(TOKEN_BYTES)


def widened(names: Iterable[str]) -> set[str]:
    """The names, with the members of a family replaced by the family's name where there are many."""
    members: dict[str, set[str]] = {}
    for name in names:
        members.setdefault(name.partition(":")[0], set()).add(name)
    return {name for family, found in members.items() for name in ({family} if len(found) > MAX_MEMBERS else found)}


def replacement_commands(names: Iterable[str]) -> list[Command]:
    """The Redis commands that replace the tokens, for callers that send other commands in the same pipeline."""
    return [("SET", key_of(name), new_token(), "EX", CACHE_SECONDS) for name in widened(names)]


def replace(names: Iterable[str]) -> None:
    """Replaces the tokens now. A failure of Redis is logged and counted, and `replace_outstanding` tries again."""
    with _lock:
        wanted = widened({*names, *_outstanding})
    if not wanted:
        return
    try:
        run_pipeline(replacement_commands(wanted), timeout_in_pause=TIMEOUT_IN_PAUSE_SECONDS)
    except RedisError as error:
        report_failure("generations", "Cache generations could not be replaced, the next sweep tries again", error)
        with _lock:
            _outstanding.update(wanted)
    else:
        with _lock:
            _outstanding.difference_update(wanted)


def replace_outstanding() -> None:
    """Replaces the tokens that Redis did not accept before. The relay calls this in every sweep."""
    replace(())
