"""System checks of the settings for Supabase's database, Auth and Storage: the usual mistakes (docs/supabase.md)."""

import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Advice

TRANSACTION_PORT: Final = "6543"
ENCRYPTED: Final = frozenset({"require", "verify-ca", "verify-full"})
_DIRECT_HOST: Final = re.compile(r"db\.(\w+)\.supabase\.co")
_POOLER_HOST: Final = re.compile(r"[\w-]+\.pooler\.supabase\.com")
_POOLER_USER: Final = re.compile(r"[^.]+\.(\w+)")
_PROJECT_HOST: Final = re.compile(r"(\w+)(?:\.storage)?\.supabase\.co")
_S3_PATH: Final = "/storage/v1/s3"
# Addresses for documentation: no packet is sent, only the route is looked up.
_SOME_IPV6: Final = ("2001:db8::1", 9)


def check_supabase(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Finds settings with which the programs cannot work; runs with every command."""
    return [
        *database_errors(settings.DATABASES["default"], settings.DATABASE_POOLER),
        *storage_errors(settings.STORAGES["default"].get("OPTIONS", {}), settings.MEDIA_URL),
    ]


def advise_on_supabase(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Finds settings that work worse than they could; runs with `check --deploy`."""
    database = settings.DATABASES["default"]
    return [
        *database_advice(database, settings.DATABASE_POOLER),
        *project_advice(database, settings.STORAGES["default"].get("OPTIONS", {}), settings.SUPABASE_URL),
    ]


def database_errors(database: Mapping[str, Any], pooler: str) -> Iterator[CheckMessage]:
    """The mistakes in an entry of DATABASES with which no connection, or no statement, works."""
    if database["PORT"] == TRANSACTION_PORT and pooler == "none":
        yield Error(
            "DATABASE_POOLER must be `transaction` where DATABASE_URL has port 6543, a pooler in transaction mode.",
            id="pms.E010",
        )
    names_project = _POOLER_USER.fullmatch(database["USER"]) or "reference=" in database["OPTIONS"].get("options", "")
    if _POOLER_HOST.fullmatch(database["HOST"]) and not names_project:
        yield Error(
            "DATABASE_URL must name the project in its user, such as postgres.PROJECT, at Supabase's pooler; "
            f"it is {database['USER']!r}.",
            id="pms.E011",
        )


def storage_errors(options: Mapping[str, Any], media_url: str) -> Iterator[CheckMessage]:
    """The mistakes in the options of a bucket at Supabase with which no file is stored or shown."""
    endpoint = urlsplit(options.get("endpoint_url") or "")
    if not _PROJECT_HOST.fullmatch(endpoint.hostname or ""):
        return
    if endpoint.path != _S3_PATH:
        yield Error(
            f"STORAGE_ENDPOINT_URL must end in {_S3_PATH} at Supabase; it is {endpoint.geturl()!r}.", id="pms.E012"
        )
    if not options["access_key"]:
        yield Error(
            "STORAGE_ACCESS_KEY and STORAGE_SECRET_KEY must be S3 access keys of the project at Supabase.",
            id="pms.E013",
        )
    if not options["region_name"]:
        yield Error("STORAGE_REGION must be the project's region at Supabase, such as eu-central-1.", id="pms.E014")
    public, path = urlsplit(media_url), f"/storage/v1/object/public/{options['bucket_name']}/"
    if _PROJECT_HOST.fullmatch(public.hostname or "") and public.path != path:
        yield Error(
            f"STORAGE_PUBLIC_URL must be https://PROJECT.supabase.co{path.rstrip('/')}, or that of a CDN before it.",
            id="pms.E015",
        )


def database_advice(database: Mapping[str, Any], pooler: str) -> Iterator[CheckMessage]:
    """What works worse than it could with a database at Supabase."""
    is_direct = bool(_DIRECT_HOST.fullmatch(database["HOST"]))
    if not is_direct and not _POOLER_HOST.fullmatch(database["HOST"]):
        return
    if pooler == "transaction" and database["PORT"] in ("", "5432"):
        yield Advice(
            "DATABASE_POOLER should be `none` with port 5432 of Supabase, which is no pooler in transaction mode.",
            id="pms.W010",
        )
    if database["OPTIONS"].get("sslmode") not in ENCRYPTED:
        yield Advice(
            "DATABASE_URL should end in ?sslmode=require or better at Supabase: without it a connection may be plain.",
            id="pms.W011",
        )
    if is_direct and not has_ipv6():
        yield Advice(
            "DATABASE_URL names Supabase's direct host, which has an IPv6 address only, and this machine has no route "
            "for IPv6: use the host of the session pooler, or the project's IPv4 add-on.",
            id="pms.W012",
        )


def project_advice(
    database: Mapping[str, Any], storage: Mapping[str, Any], supabase_url: str
) -> Iterator[CheckMessage]:
    """Whether database, Auth and Storage are of one project, as far as their settings name one."""
    projects = {
        "DATABASE_URL": _database_project(database),
        "SUPABASE_URL": _host_project(supabase_url),
        "STORAGE_ENDPOINT_URL": _host_project(storage.get("endpoint_url") or ""),
    }
    if projects["DATABASE_URL"] and not supabase_url:
        yield Advice(
            f"SUPABASE_URL is not set, though the database is Supabase's: https://{projects['DATABASE_URL']}"
            ".supabase.co lets the users of its Auth in.",
            id="pms.W013",
        )
    named = {name: project for name, project in projects.items() if project}
    if len(set(named.values())) > 1:
        listed = ", ".join(f"{name} {project}" for name, project in named.items())
        yield Advice(f"{' and '.join(named)} should name one project of Supabase; they name {listed}.", id="pms.W014")


def _database_project(database: Mapping[str, Any]) -> str:
    if direct := _DIRECT_HOST.fullmatch(database["HOST"]):
        return direct[1]
    user = _POOLER_USER.fullmatch(database["USER"]) if _POOLER_HOST.fullmatch(database["HOST"]) else None
    return user[1] if user else ""


def _host_project(url: str) -> str:
    host = _PROJECT_HOST.fullmatch(urlsplit(url).hostname or "")
    return host[1] if host else ""


def has_ipv6() -> bool:
    """Whether this machine has a route to IPv6 addresses. Sends nothing."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.connect(_SOME_IPV6)
    except OSError:
        return False
    return True
