"""What a request asks of Redis at once: its limits, the generation of cached keys, and the cached response.

One script with one reply takes Redis half the time of a script for each limit and an MGET.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from redis.exceptions import NoScriptError

from pms_backend.api.redis_pipeline import Command, run_pipeline

MICROSECONDS: Final = 1_000_000
# A request that does not store its response within this time is considered dead, and another may make it.
FILL_MILLISECONDS: Final = 2_000

# What the script says of the cached response, if it does not give it.
MAKE, WAIT, HELD = 1, 2, 3

# A log is the list of the moments of the last requests, the newest first: no window of that length, wherever it starts,
# holds more than the limit. A moment takes 10 bytes in a list, and 100 in a sorted set.
# A key expires by the millisecond, so one is added: a full log must not end before its window.
_SCRIPT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function count(log, limit, window)
  limit, window = tonumber(limit), tonumber(window)
  local oldest = redis.call('LINDEX', log, -1)
  if oldest and oldest + window <= now then
    while (redis.call('LINDEX', log, -101) or now) + window <= now do redis.call('LTRIM', log, 0, -101) end
    repeat
      redis.call('RPOP', log)
      oldest = redis.call('LINDEX', log, -1)
    until not oldest or oldest + window > now
  end
  local remaining = limit - redis.call('LLEN', log) - 1
  if remaining >= 0 then
    redis.call('LPUSH', log, now)
    redis.call('PEXPIRE', log, window / 1000 + 1)
  end
  return remaining, math.ceil(((oldest or now) + window - now) / 1000)
end

local reply = {redis.call('GET', KEYS[1]), false, 0, false, 0, false, false}
local first_limit, first_window, second_limit, second_window, generation, held, fill_ms = unpack(ARGV)
if KEYS[2] ~= '' then
  reply[2], reply[3] = count(KEYS[2], first_limit, first_window)
  if reply[2] < 0 then return reply end
end
if generation ~= '' and generation ~= reply[1] then return reply end
if KEYS[3] ~= '' then
  reply[4], reply[5] = count(KEYS[3], second_limit, second_window)
  if reply[4] < 0 then return reply end
end
if #KEYS == 3 then return reply end

local entry = KEYS[#KEYS]
local tokens = ''
for index = 4, #KEYS - 1 do
  local token = redis.call('GET', KEYS[index])
  if not token then return reply end
  tokens = tokens .. token
end
reply[6] = tokens
if held == tokens then
  reply[7] = 3
elseif fill_ms ~= '' then
  local found = redis.call('GET', entry)
  if found and string.sub(found, 1, #tokens) == tokens then
    reply[7] = found
  else
    reply[7] = redis.call('SET', entry .. ':' .. tokens, 1, 'NX', 'PX', fill_ms) and 1 or 2
  end
end
return reply
"""
# The SHA-1 digest by which Redis finds a script that it has run.
_SHA1: Final = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


class Log(NamedTuple):
    """At most `limit` requests in any window, counted under `key`."""

    key: str
    limit: int
    window_seconds: int


# How many more requests are allowed, negative where this one is not; and in how many milliseconds the oldest leaves the
# window.
Count = tuple[int, int]


class LookUp(NamedTuple):
    """A cached response: its key, those of its tokens, and the tokens of the copy that this process holds.

    Without `is_lookup` the tokens alone are read, for a response that is made in any case.
    """

    key: str
    token_keys: Sequence[str]
    held: bytes = b""
    is_lookup: bool = True


class Reply(NamedTuple):
    """`second` was counted only if `first` is allowed, and if the generation is the one that was given."""

    generation: bytes | None
    first: Count | None
    second: Count | None
    # None where one of them is missing, or a limit is exceeded.
    tokens: bytes | None
    # The stored value, or: MAKE (the caller holds the lock and makes it), WAIT (another request makes it), HELD (the
    # held copy is current).
    found: bytes | int | None


def run_script(
    *,
    first: Log | None = None,
    second: Log | None = None,
    generation_key: str = "",
    generation: bytes = b"",
    look_up: LookUp | None = None,
    also_run: Sequence[Command] = (),
) -> Reply:
    """Counts the request in the logs and looks the response up; `also_run` runs in any case. Raises `RedisError`.

    With a `generation` nothing but `first` is done unless it is the one under `generation_key`.
    """
    entry_keys: tuple[str, ...] = ()
    held, fill = b"", ""
    if look_up is not None:
        entry_keys, held = (*look_up.token_keys, look_up.key), look_up.held
        fill = str(FILL_MILLISECONDS) if look_up.is_lookup else ""
    first_key, first_limit, first_window = first or _NO_LOG
    second_key, second_limit, second_window = second or _NO_LOG
    arguments = (
        3 + len(entry_keys), generation_key, first_key, second_key, *entry_keys,
        first_limit, first_window * MICROSECONDS, second_limit, second_window * MICROSECONDS, generation, held, fill,
    )  # fmt: skip
    try:
        values: list[Any] = run_pipeline((("EVALSHA", _SHA1, *arguments), *also_run))[0]
    except NoScriptError:
        # Redis has run the other commands of the pipeline all the same.
        (values,) = run_pipeline((("EVAL", _SCRIPT, *arguments),))
    now, remaining, reset_ms, second_remaining, second_reset_ms, tokens, found = values
    return Reply(
        now,
        None if remaining is None else (remaining, reset_ms),
        None if second_remaining is None else (second_remaining, second_reset_ms),
        tokens,
        found,
    )


_NO_LOG: Final = Log("", 0, 0)
