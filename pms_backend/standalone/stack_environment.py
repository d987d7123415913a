"""The environment of the stack's programs. `manage.py` finds it on disk, by DATA_DIR."""

import os
import secrets
from collections.abc import Callable

from cryptography.fernet import Fernet

from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.data_dir import DataDir, write_json
from pms_backend.standalone.ports import url_host

SECRET_KEY_BYTES = 50


def stack_environment(
    configuration: Configuration, data_dir: DataDir, database_url: str, redis_url: str
) -> dict[str, str]:
    """Writes environment.json, empties METRICS_DIR, and returns the whole environment of a program."""

    def given_or_stored(name: str, generate: Callable[[], str]) -> str:
        return configuration.inherited.get(name) or data_dir.secret(name.lower(), generate)

    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": given_or_stored("SECRET_KEY", lambda: secrets.token_urlsafe(SECRET_KEY_BYTES)),
        "FIELD_ENCRYPTION_KEYS": given_or_stored("FIELD_ENCRYPTION_KEYS", lambda: Fernet.generate_key().decode()),
        "DATA_DIR": str(data_dir.root),
        "HOST": configuration.host,
        "PORT": str(configuration.port),
        "WS_PORT": str(configuration.ws_port),
        "PUBLIC_WS_PORT": configuration.public_ws_port,
        "METRICS_DIR": str(data_dir.metrics),
        # The programs write to pipes, and people read what comes out of them.
        "LOG_FORMAT": configuration.inherited.get("LOG_FORMAT", "text"),
        "SOCKETS_URL": f"http://{url_host(configuration.host)}:{configuration.ws_port}",
    }
    data_dir.empty_metrics()
    write_json(data_dir.environment, environment)
    return {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
