"""Addresses and credentials: quickstart.json for scripts, and the banner for people."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pms_backend.standalone.configuration import Configuration

# The programs of each member of `pids`.
PIDS = {
    "web": ("web",),
    "sockets": ("sockets",),
    "worker": ("relay", "sync", "pms", "deliveries", "worker"),
    "beat": ("beat",),
}


def content(
    configuration: Configuration, credentials: Mapping[str, Any], database_url: str, redis_url: str
) -> dict[str, Any]:
    """Returns quickstart.json without the pids."""
    connection = credentials["pms"]["connection"]
    return {
        "base_url": configuration.base_url,
        "ws_url": configuration.ws_url,
        "admin": credentials["admin"],
        "api_key": credentials["api_key"],
        "pms": {
            "connection": connection,
            "webhook_url": f"{configuration.base_url}/api/v1/webhooks/pms/{connection}/",
            "webhook_secret": credentials["pms"]["webhook_secret"],
        },
        "database_url": database_url,
        "redis_url": redis_url,
    }


def pids(running: Mapping[str, int | None]) -> dict[str, list[int]]:
    """Groups the pids by the names of PIDS; a program that waits for its restart has none."""
    return {name: [pid for program in programs if (pid := running.get(program))] for name, programs in PIDS.items()}


def banner(quickstart: Mapping[str, Any], seconds: float, path: Path, *, shows_secrets: bool) -> str:
    """Returns the text shown when the stack is ready: with credentials, or with the name of the file that has them."""
    base, admin = quickstart["base_url"], quickstart["admin"]
    login, key = f"    {admin['username']} / {admin['password']}", quickstart["api_key"]
    secrets, read_key = f"    API key  {key}\n", ""
    if not shows_secrets:
        login, key = "", "$KEY"
        secrets = f"\n  The admin's password and the API key are in {path} while this runs.\n"
        code = """import json, sys; print(json.load(open(sys.argv[1]))["api_key"])"""
        read_key = f"    KEY=$(python3 -c '{code}' {shlex.quote(str(path))})\n"
    return f"""
  Ready after {seconds:.1f} s. Ctrl-C stops everything.

    API      {base}/api/v1/
    Docs     {base}/api/docs/
    Admin    {base}/admin/{login}
    Socket   {quickstart["ws_url"]}
{secrets}
  Try it:

{read_key}    curl -H "Authorization: Api-Key {key}" {base}/api/v1/products/
"""
