"""What the environment asks for; each mistake is one line that names the variable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psycopg
import redis

from pms_backend.standalone import limits
from pms_backend.standalone.exceptions import StartupError
from pms_backend.standalone.ports import in_url

DATABASE_SCHEMES = ("postgres://", "postgresql://")
REDIS_SCHEMES = ("redis://", "rediss://")
HIGHEST_PORT = 65535


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
        """A variable that is set to nothing counts as not set."""
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
    def base_url(self) -> str:
        return f"http://{in_url(self.host)}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://{in_url(self.host)}:{self.ws_port}/ws/stock/"

    def require_reachable(self) -> None:
        """The given servers answer now; whether they still do later is the stack's business."""
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
