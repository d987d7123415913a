"""Which programs ended lately and were restarted, as the supervisor of this machine writes it down."""

import time
from typing import Any, Final

import orjson
from django.conf import settings

# So long a restart is told: longer than the pause between two looks at `/health/ready`.
SHOWN_SECONDS: Final = 15.0
# The check that a program belongs to.
CHECKS: Final = {
    "postgres": "database",
    "redis": "redis",
    "relay": "relay",
    "sync": "worker",
    "pms": "worker",
    "deliveries": "worker",
    "worker": "worker",
    "beat": "beat",
    "sockets": "sockets",
    "monitor": "monitor",
}

SERVERS: Final = frozenset({"postgres", "redis"})


def read_programs() -> dict[str, dict[str, Any]]:
    """What the supervisor has written down, by program; empty without a supervisor."""
    try:
        programs: dict[str, dict[str, Any]] = orjson.loads((settings.RUN_DIR / "programs.json").read_bytes())[
            "programs"
        ]
    except (OSError, orjson.JSONDecodeError):
        return {}
    return programs


def recent_restarts() -> dict[str, str]:
    """Says, by check, which programs ended less than `SHOWN_SECONDS` ago and why; empty without a supervisor."""
    found: dict[str, list[str]] = {}
    for name, program in _ended_within(SHOWN_SECONDS).items():
        ago = time.time() - program["ended_at"]
        if name in CHECKS:
            found.setdefault(CHECKS[name], []).append(f"{name} {program['end']} {ago:.0f} s ago and is restarted")
    return {check: "; ".join(texts) for check, texts in found.items()}


def server_ended_within(seconds: float) -> bool:
    """Whether PostgreSQL or Redis ended less than so many seconds ago; False without a supervisor."""
    return not SERVERS.isdisjoint(_ended_within(seconds))


def _ended_within(seconds: float) -> dict[str, dict[str, Any]]:
    now = time.time()
    return {
        name: program
        for name, program in read_programs().items()
        if program["ended_at"] and 0 <= now - program["ended_at"] < seconds
    }
