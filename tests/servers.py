"""Real PostgreSQL and Redis for the tests: those that the environment names, else embedded ones for this process."""

import atexit
import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

os.environ.setdefault("SECRET_KEY", "tests-only")
os.environ.setdefault("FIELD_ENCRYPTION_KEYS", Fernet.generate_key().decode())
os.environ.setdefault("RATE_LIMITS", "off")

# A worker of pytest-xdist inherits the environment, but not the servers, of the process that started it.
_EMBEDDED = "PMS_TESTS_EMBEDDED"
for _name in os.environ.pop(_EMBEDDED, "").split():
    del os.environ[_name]

if _missing := [_name for _name in ("DATABASE_URL", "REDIS_URL") if _name not in os.environ]:
    from pms_backend.standalone.embedded import EmbeddedServers

    _directory = tempfile.TemporaryDirectory(prefix="pms-tests-")
    _servers = EmbeddedServers(Path(_directory.name), durable=False)
    _servers.start()
    atexit.register(_directory.cleanup)
    atexit.register(_servers.stop)
    _urls = {"DATABASE_URL": _servers.database_url, "REDIS_URL": _servers.redis_url}
    os.environ.update({_name: _urls[_name] for _name in _missing}, **{_EMBEDDED: " ".join(_missing)})
