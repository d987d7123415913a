"""The machine and the versions that a measurement belongs to."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import psycopg
import redis

from benchmarks.load import wrk_version

INSTALL_WRK = "wrk is not installed (Debian, Ubuntu: apt install wrk; macOS: brew install wrk)"


def machine() -> dict[str, str]:
    """Processor, cores, memory and kernel."""
    model = re.search(r"model name\s*: (.*)", _read("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", _read("/proc/meminfo"))
    return {
        "processor": model[1] if model else platform.processor() or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "unknown",
        "kernel": f"{platform.system()} {platform.release()}",
    }


def versions(database_url: str, redis_url: str) -> dict[str, str]:
    """What has run."""
    with psycopg.connect(database_url) as connection:
        postgresql = connection.info.parameter_status("server_version") or "unknown"
    with redis.Redis.from_url(redis_url) as client:
        redis_version = str(client.info("server")["redis_version"])
    return {
        "Python": platform.python_version(),
        "Django": version("django"),
        "psycopg": version("psycopg"),
        "PostgreSQL": postgresql,
        "Redis": redis_version,
        "load generator": f"wrk {wrk_version()}" if wrk_version() else f"benchmarks.generator, because {INSTALL_WRK}",
    }


def commit() -> str:
    """The commit that was measured, and whether files differ from it."""
    found = _git("rev-parse", "HEAD")
    return f"{found[:12]}{', with changes' if _git('status', '--porcelain') else ''}" if found else "unknown"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ("git", *arguments), cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
