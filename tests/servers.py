"""Real PostgreSQL and Redis for the tests: those that the environment names, else embedded ones for this run."""

import atexit
import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

os.environ.setdefault("SECRET_KEY", "tests-only")
os.environ.setdefault("FIELD_ENCRYPTION_KEYS", Fernet.generate_key().decode())
os.environ.setdefault("RATE_LIMITS", "off")

if "DATABASE_URL" not in os.environ or "REDIS_URL" not in os.environ:
    from pms_backend.standalone.embedded import EmbeddedServers

    _directory = tempfile.TemporaryDirectory(prefix="pms-tests-")
    _servers = EmbeddedServers(Path(_directory.name), durable=False)
    _servers.start()
    atexit.register(_directory.cleanup)
    atexit.register(_servers.stop)
    os.environ.setdefault("DATABASE_URL", _servers.database_url)
    os.environ.setdefault("REDIS_URL", _servers.redis_url)
