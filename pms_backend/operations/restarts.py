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
    for name, program in read_programs().items():
        ago = time.time() - (program["ended_at"] or 0)
        if name in CHECKS and 0 <= ago < SHOWN_SECONDS:
            found.setdefault(CHECKS[name], []).append(f"{name} {program['end']} {ago:.0f} s ago and is restarted")
    return {check: "; ".join(texts) for check, texts in found.items()}
