"""The supervisor's settings, from the environment; each error is one line that names the variable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import psycopg
import redis

from pms_backend.standalone import limits
from pms_backend.standalone.exceptions import StartupError
from pms_backend.standalone.ports import url_host

DATABASE_SCHEMES = ("postgres://", "postgresql://")
REDIS_SCHEMES = ("redis://", "rediss://")
HIGHEST_PORT = 65535
TRUE_WORDS: Final = {"1", "true", "yes", "on"}
# If ALLOWED_HOSTS has one of these, or has nothing, this machine may call the web server by its address.
LOCAL_HOSTS: Final = {"*", "localhost", "127.0.0.1", "[::1]"}
# least() ignores NULL, which stands for a limit that is not set.
ALLOWED_CONNECTIONS: Final = """
SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()))
"""


@dataclass(frozen=True)
class Configuration:
    data_dir: Path
    host: str
    port: int
    ws_port: int
    database_url: str | None = field(repr=False)  # None: embedded
    redis_url: str | None = field(repr=False)
    inherited: Mapping[str, str] = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """An empty variable counts as not set."""
        given = {name: value for name, value in environment.items() if value}
        port = _port(given, "PORT", 8000)
        ws_port = _port(given, "WS_PORT", port + 1)
        if port == ws_port:
            raise StartupError(f"PORT and WS_PORT are both {port}: they must differ")
        return cls(
            data_dir=Path(given.get("DATA_DIR", ".data")).expanduser().absolute(),
            host=given.get("HOST", "127.0.0.1"),
            port=port,
            ws_port=ws_port,
            database_url=_url(given, "DATABASE_URL", DATABASE_SCHEMES),
            redis_url=_url(given, "REDIS_URL", REDIS_SCHEMES),
            inherited=given,
        )

    @property
    def is_https(self) -> bool:
        """Whether a proxy in front terminates TLS: the web server redirects everything else to it."""
        return self.inherited.get("HTTPS", "").strip().lower() in TRUE_WORDS

    @property
    def site_name(self) -> str:
        """The name by which the web server may be called: the first of ALLOWED_HOSTS, or an address of this machine."""
        allowed = [name for word in self.inherited.get("ALLOWED_HOSTS", "").split(",") if (name := word.strip())]
        return url_host(self.host) if not allowed or LOCAL_HOSTS.intersection(allowed) else allowed[0].lstrip(".")

    @property
    def base_url(self) -> str:
        return f"https://{self.site_name}" if self.is_https else f"http://{self.site_name}:{self.port}"

    @property
    def public_ws_port(self) -> str:
        """The port of the sockets, as browsers see it; 0: that of the pages, behind a proxy that has both at one."""
        return self.inherited.get("PUBLIC_WS_PORT", "0" if self.is_https else str(self.ws_port))

    @property
    def ws_url(self) -> str:
        if not self.is_https:
            return f"ws://{self.site_name}:{self.ws_port}/ws/stock/"
        port = "" if self.public_ws_port == "0" else f":{self.public_ws_port}"
        return f"wss://{self.site_name}{port}/ws/stock/"

    def require_reachable(self) -> None:
        """Raises `StartupError` unless the given servers answer now."""
        if self.database_url:
            try:
                psycopg.connect(self.database_url, connect_timeout=limits.CONNECT_SECONDS).close()
            except psycopg.Error as error:
                raise StartupError(f"DATABASE_URL: {_first_line(error)}") from None
        if self.redis_url:
            try:
                with redis.Redis.from_url(self.redis_url, socket_connect_timeout=limits.CONNECT_SECONDS) as client:
                    client.ping()
            except (redis.RedisError, ValueError) as error:
                raise StartupError(f"REDIS_URL: {_first_line(error)}") from None

    def require_connections(self, needed: Mapping[str, int]) -> None:
        """Raises `StartupError` if the given database allows fewer connections than `needed`, by program.

        Behind a pooler the limit of the server does not matter: the pooler shares its own connections.
        """
        if not self.database_url or self.inherited.get("DATABASE_POOLER") == "transaction":
            return
        with psycopg.connect(self.database_url, connect_timeout=limits.CONNECT_SECONDS) as connection:
            (allowed,) = connection.execute(ALLOWED_CONNECTIONS).fetchone() or (0,)
        total = sum(needed.values())
        if allowed < total:
            parts = ", ".join(f"{name} {number}" for name, number in needed.items())
            raise StartupError(f"DATABASE_URL: it allows {allowed} connections, and {total} may be needed ({parts})")


def _port(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not text.isdecimal() or not 0 < int(text) <= HIGHEST_PORT:
        raise StartupError(f"{name} must be a number from 1 to {HIGHEST_PORT}, not {text!r}")
    return int(text)


def _url(given: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str | None:
    url = given.get(name)
    if url and not url.startswith(schemes):
        raise StartupError(f"{name} must begin with {' or '.join(schemes)}")  # not shown: it may hold a password
    return url


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
