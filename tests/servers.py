"""Real PostgreSQL and Redis for the tests: those that the environment names, else embedded ones for this process."""

import atexit
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.fernet import Fernet

from pms_backend.standalone.embedded import EmbeddedServers

# A process of pytest-xdist inherits the environment, but not the servers, of the process that started it.
EMBEDDED: Final = "PMS_TESTS_EMBEDDED"
# For the process that only hands out tests to others: it loads the settings and connects to nothing.
NOWHERE: Final = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1"}


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[Any]:
    """Fills the environment before anybody reads the settings."""
    os.environ["ENV_FILE"] = os.devnull  # a `.env` of the developer must not reach what the tests start
    os.environ.setdefault("SECRET_KEY", "tests-only")
    os.environ.setdefault("FIELD_ENCRYPTION_KEYS", Fernet.generate_key().decode())
    os.environ.setdefault("RATE_LIMITS", "off")
    for name in os.environ.pop(EMBEDDED, "").split():
        del os.environ[name]
    if missing := [name for name in NOWHERE if name not in os.environ]:
        hands_out = early_config.known_args_namespace.numprocesses and "PYTEST_XDIST_WORKER" not in os.environ
        urls = NOWHERE if hands_out else start()
        os.environ.update({name: urls[name] for name in missing}, **{EMBEDDED: " ".join(missing)})
    return (yield)


def start() -> dict[str, str]:
    """Starts servers that end with this process; returns where they are."""
    directory = tempfile.TemporaryDirectory(prefix="pms-tests-")
    servers = EmbeddedServers(Path(directory.name), durable=False)
    servers.start()
    atexit.register(directory.cleanup)
    atexit.register(servers.stop)
    return {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
