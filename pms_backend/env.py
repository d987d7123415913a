"""Typed readers of environment variables. An empty variable counts as not set.

Each reader raises `ImproperlyConfigured` with one line that names the variable and the expected form, so that a wrong
setting stops the start instead of failing in a request.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import orjson
from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError, conninfo

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
# Lower case and without a trailing slash, as browsers send it: another spelling would never match.
ORIGIN = re.compile(r"https?://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?")
# psycopg's default: a statement with server-side binding is prepared after this many executions.
PREPARE_THRESHOLD = 5

# OpenTelemetry's, by which a tracer decides which traces it records.
TRACES_SAMPLERS = (
    "always_on", "always_off", "traceidratio",
    "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
)  # fmt: skip

WEB_ADDRESS = re.compile(ORIGIN.pattern + r"(/[A-Za-z0-9._~-]+)*")

# The key, the host, an optional path, and the number of the project.
SENTRY_DSN = re.compile(r"https?://[0-9a-zA-Z]+(:[0-9a-zA-Z]+)?@[A-Za-z0-9.\[\]:_-]+(/[A-Za-z0-9._~-]+)*/[0-9]+")
# The standard port of each kind of mail server: plain, TLS after STARTTLS, TLS from the start.
MAIL_PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
MAIL_ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server, and from whom and to whom it sends; without a host nothing is sent."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    starttls: bool = False
    tls: bool = False
    sender: str = ""
    recipients: tuple[str, ...] = ()


def load_stack(data_dir: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Sets the environment variables of the stack in `data_dir`, as `make run` stored them.

    Variables that are already set win. Does nothing without such a file, or if DATABASE_URL names another database.
    """
    path = data_dir / "environment.json"
    if not path.exists():
        return
    stored = orjson.loads(path.read_bytes())
    if environ.get("DATABASE_URL") not in (None, "", stored["DATABASE_URL"]):
        return
    for name, value in stored.items():
        os.environ[name] = os.environ.get(name) or value


def text(name: str, default: str | None = None) -> str:
    """The value; the variable is required if there is no default."""
    value = os.environ.get(name) or default
    if value is None:
        raise ImproperlyConfigured(f"{name} is required and not set.")
    return value


def flag(name: str, *, default: bool) -> bool:
    """One of 1/true/yes/on or 0/false/no/off."""
    word = (os.environ.get(name) or str(default)).strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ImproperlyConfigured(f"{name} must be one of 1, true, yes, on, 0, false, no, off; it is {word!r}.")


def integer(name: str, default: int, *, minimum: int, maximum: int) -> int:
    """A whole number between `minimum` and `maximum`."""
    raw = (os.environ.get(name) or str(default)).strip()
    problem = ImproperlyConfigured(f"{name} must be a whole number from {minimum} to {maximum}; it is {raw!r}.")
    try:
        value = int(raw)
    except ValueError:
        raise problem from None
    if not minimum <= value <= maximum:
        raise problem
    return value


def fraction(name: str, default: float) -> float:
    """A number from 0 to 1."""
    raw = (os.environ.get(name) or str(default)).strip()
    try:
        value = float(raw)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ImproperlyConfigured(f"{name} must be a number from 0 to 1; it is {raw!r}.")
    return value


def listing(name: str) -> list[str]:
    """Comma-separated words; empty when the variable is not set."""
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def origins(name: str) -> list[str]:
    """Comma-separated origins of web pages as browsers send them: scheme, host, optional port."""
    found = listing(name)
    for origin in found:
        if not ORIGIN.fullmatch(origin):
            raise ImproperlyConfigured(f"{name} must be origins such as https://shop.example.com; {origin!r} is not.")
    return found


def choice(name: str, default: str, *, allowed: tuple[str, ...]) -> str:
    """One of `allowed`."""
    value = (os.environ.get(name) or default).strip()
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}; it is {value!r}.")
    return value


def mapping(name: str) -> dict[str, str]:
    """A JSON object of text to text; empty when the variable is not set."""
    raw = os.environ.get(name, "").strip() or "{}"
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict) or not all(isinstance(word, str) for word in value.values()):
        raise ImproperlyConfigured(f'{name} must be a JSON object such as {{"name": "value"}}; it is {raw!r}.')
    return value


def secret(name: str, *, minimum: int) -> str:
    """A shared secret of at least `minimum` bytes; empty when the variable is not set. Errors do not show it."""
    value = os.environ.get(name, "")
    if value and len(value.encode()) < minimum:
        raise ImproperlyConfigured(f"{name} must have at least {minimum} characters: a shorter one can be guessed.")
    return value


def origin(name: str) -> str:
    """Scheme, host and port of a service, without a trailing slash; empty when the variable is not set."""
    value = os.environ.get(name, "").strip().rstrip("/")
    if value and not ORIGIN.fullmatch(value):
        raise ImproperlyConfigured(f"{name} must look like https://project.example.com, without a path.")
    return value


def web_address(name: str) -> str:
    """An http or https URL with an optional path, without a trailing slash; empty when the variable is not set."""
    value = os.environ.get(name, "").strip().rstrip("/")
    if value and not WEB_ADDRESS.fullmatch(value):
        raise ImproperlyConfigured(f"{name} must look like https://files.example.com/path, without a query.")
    return value


def secret_url(name: str) -> str:
    """An http or https URL that holds a secret, with any path and query; empty when it is not set.

    Errors do not show it.
    """
    value = os.environ.get(name, "").strip()
    parts = _parts(value)
    if value and (parts is None or parts.scheme not in ("http", "https") or parts.username is not None):
        raise ImproperlyConfigured(f"{name} must look like https://hooks.example.com/services/secret.")
    return value


def sentry_dsn(name: str) -> str:
    """The DSN of a project of Sentry; empty when it is not set. Errors do not show it."""
    value = os.environ.get(name, "").strip()
    if value and (not SENTRY_DSN.fullmatch(value) or _parts(value) is None):
        raise ImproperlyConfigured(f"{name} must look like https://key@sentry.example.com/1.")
    return value


def mail_server(name: str) -> MailServer:
    """A mail server; none when the variable is not set. Errors do not show it, because it holds a password.

    `smtps://` is TLS from the start, `smtp+starttls://` after STARTTLS. So is `smtp://` with a password, unless the
    server is on this machine.
    """
    value = os.environ.get(name, "").strip()
    if not value:
        return MailServer()
    parts = _parts(value)
    query = parse_qs(parts.query, strict_parsing=False) if parts else {}
    senders = query.pop("from", [])
    recipients = tuple(word.strip() for each in query.pop("to", []) for word in each.split(",") if word.strip())
    are_addresses = all(MAIL_ADDRESS.fullmatch(address) for address in (*senders, *recipients))
    is_whole = len(senders) == 1 and recipients and are_addresses and not query
    if parts is None or parts.scheme not in MAIL_PORTS or parts.path.strip("/") or not is_whole:
        raise ImproperlyConfigured(
            f"{name} must look like smtp://user:password@mail.example.com:587?from=pms@example.com&to=a@example.com,"
            "b@example.com, or smtps:// or smtp+starttls://, with special characters of the password as %40."
        )
    host, password = parts.hostname or "", unquote(parts.password or "")
    return MailServer(
        host=host,
        port=parts.port or MAIL_PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=password,
        starttls=parts.scheme == "smtp+starttls"
        or (parts.scheme == "smtp" and password != "" and host not in LOOPBACK),
        tls=parts.scheme == "smtps",
        sender=senders[0],
        recipients=recipients,
    )


def _parts(url: str) -> SplitResult | None:
    """The parts of a URL with a host, and with a valid port if it has one."""
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return None
    return parts if parts.hostname and has_port and not re.search(r"\s", url) else None


# After 20 s without a sign of the other side a connection is lost, which the system would notice after 15 minutes or
# hours: a network that drops packets, a server that was replaced. A server that is only slow acknowledges meanwhile.
LOST_CONNECTION: Final[Mapping[str, int]] = {
    "tcp_user_timeout": 20_000, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2,
}  # fmt: skip


def database(name: str, *, pooler: str, program: str = "") -> dict[str, Any]:
    """Django's DATABASES entry for a PostgreSQL URL; `pg_stat_activity` names the connections of each `program`.

    Behind a transaction-mode pooler each transaction may have another session, so server-side cursors and prepared
    statements are off. Django's ORM never prepares, as it binds parameters on the client.
    """
    url = text(name)
    problem = ImproperlyConfigured(f"{name} must look like postgresql://user:password@host:5432/database.")
    if not url.startswith(("postgresql://", "postgres://")):
        raise problem
    try:
        parts = conninfo.conninfo_to_dict(url)
    except ProgrammingError:
        raise problem from None
    known = {key: parts.pop(key, "") for key in ("dbname", "user", "password", "host", "port")}
    if not known["dbname"] or not (known["port"] == "" or _is_port(str(known["port"]))):
        raise problem
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": known["dbname"],
        "USER": known["user"],
        "PASSWORD": known["password"],
        "HOST": known["host"],
        "PORT": known["port"],
        # Each thread keeps its connection, which costs less than a pool (docs/adr/0013).
        "CONN_MAX_AGE": None,
        "DISABLE_SERVER_SIDE_CURSORS": pooler == "transaction",
        "OPTIONS": {
            "connect_timeout": 5,
            **LOST_CONNECTION,
            "application_name": f"pms {program or 'command'}",
            "prepare_threshold": None if pooler == "transaction" else PREPARE_THRESHOLD,
            **parts,
        },
    }


def _is_port(raw: str) -> bool:
    return raw.isascii() and raw.isdigit() and 1 <= int(raw) <= 65_535


def redis(name: str, default: str | None = None) -> str:
    """A redis:// or rediss:// URL without a database number."""
    url = text(name, default).rstrip("/")
    scheme, _, rest = url.partition("://")
    host, slash, number = rest.rpartition("/")
    if slash and number.isdigit():
        url = f"{scheme}://{host}"
    if scheme not in ("redis", "rediss") or not rest or "/" in url.partition("://")[2]:
        raise ImproperlyConfigured(f"{name} must look like redis://:password@host:6379.")
    return url
