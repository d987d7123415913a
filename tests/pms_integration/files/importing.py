"""Importing in tests: through the API, and then the worker's own loop."""

import csv
import io
import os
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from pms_integration.files.runner import run_imports
from tests.conftest import JSONClient

IMPORTS = "/api/v1/products/imports/"
EXPORT = "/api/v1/products/export/"
APPAREL = Path(os.environ.get("SAMPLE_DATA_DIR", "no-sample-data")) / "shopify" / "apparel.csv"


def post(client: JSONClient, content: bytes | str, name: str = "products.csv", **more: Any) -> Any:
    raw = content.encode() if isinstance(content, str) else content
    headers = more.pop("headers", {})
    return client.post(IMPORTS, {"file": SimpleUploadedFile(name, raw), **more}, format="multipart", headers=headers)


def imported(client: JSONClient, content: bytes | str, name: str = "products.csv", **more: Any) -> dict[str, Any]:
    """The response about the import after it has run."""
    started = post(client, content, name, **more)
    assert started.status_code == 202, started.content
    while run_imports():
        continue
    answer = client.get(f"{IMPORTS}{started.json()['id']}/")
    assert answer.status_code == 200
    return answer.json()


def exported(client: JSONClient, format: str = "csv", **more: str) -> bytes:
    answer = client.get(EXPORT, {"format": format, **more})
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def counts(job: dict[str, Any]) -> dict[str, int]:
    """Those that are not zero."""
    return {name: job[name] for name in ("created", "updated", "unchanged", "failed") if job[name]}


def table(*rows: dict[str, Any]) -> str:
    """A CSV file of rows by column; what a row leaves out is empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def parsed(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def previewed(client: JSONClient, content: bytes | str, name: str = "products.csv", **more: Any) -> dict[str, Any]:
    """The response about a preview after it has run."""
    return imported(client, content, name, dry_run="true", **more)


def changes(client: JSONClient, job: dict[str, Any], **filters: str) -> list[dict[str, Any]]:
    """What an import did with each product, or would do."""
    answer = client.get(f"{IMPORTS}{job['id']}/changes/", {"page_size": 200, **filters})
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def findings(job: dict[str, Any]) -> dict[str, Any]:
    """What a preview and its import say alike."""
    same = ("status", "error", "processed", "total", "created", "updated", "unchanged", "failed")
    return {name: job[name] for name in (*same, "errors", "error_count", "warnings", "warning_count")}
