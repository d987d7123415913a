"""What a human and a script need to begin: quickstart.json and the banner."""

from collections.abc import Mapping
from typing import Any

from pms_backend.standalone.configuration import Configuration

# Which children's pids stand under which name.
PIDS = {"web": ("web",), "sockets": ("sockets",), "worker": ("relay", "sync", "worker"), "beat": ("beat",)}


def content(
    configuration: Configuration, credentials: Mapping[str, Any], database_url: str, redis_url: str
) -> dict[str, Any]:
    """All of quickstart.json but the pids."""
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
    """By the names of PIDS; one that is being restarted has none."""
    return {name: [pid for child in children if (pid := running.get(child))] for name, children in PIDS.items()}


def banner(quickstart: Mapping[str, Any], seconds: float) -> str:
    base, admin, key = quickstart["base_url"], quickstart["admin"], quickstart["api_key"]
    return f"""
  Ready after {seconds:.1f} s. Ctrl-C stops everything.

    API      {base}/api/v1/
    Docs     {base}/api/docs/
    Admin    {base}/admin/    {admin["username"]} / {admin["password"]}
    Socket   {quickstart["ws_url"]}
    API key  {key}

  Try it:

    curl -H "Authorization: Api-Key {key}" {base}/api/v1/products/
"""
