"""Runs a public bug report: a file to import, rows to post, a webhook or its signatures, by what the file is."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.test import Client
from standardwebhooks import Webhook

from pms_integration import services
from pms_integration.models import PMSConnection, PMSEvent
from tests.conftest import JSONClient
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.pms_integration.files.importing import imported

PRODUCTS = "/api/v1/products/"
INVENTORY = "/api/v1/inventory/"


def run_report(report: Path, api: JSONClient) -> Any:
    """What comes of the report; raises where nothing runs its kind."""
    kind = report.suffix
    if kind == ".json":
        content = json.loads(report.read_text())
        (kind,) = RUNNERS.keys() & (content[0] if isinstance(content, list) else content).keys()
    return RUNNERS[kind](report, api)


def send_webhook(connection: PMSConnection, body: str, *, webhook_id: str, signatures: str = "{good}") -> int:
    """Sends a webhook; `{good}` is the signature that is right. Returns the status of the answer."""
    now = datetime.now(tz=UTC)
    signed = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signatures.format(good=Webhook(connection.secret).sign(webhook_id, now, body)),
    }
    address = f"/api/v1/webhooks/pms/{connection.slug}/"
    return Client().post(address, body, content_type="application/json", headers=signed).status_code


def _import_file(report: Path, api: JSONClient) -> dict[str, Any]:
    make_location()
    if (setup := report.with_suffix(".setup")).exists():
        imported(api, setup.read_bytes())
    return imported(api, report.read_bytes())


def _post_products(report: Path, api: JSONClient) -> list[Any]:
    text = report.read_text()
    rows = json.loads(text)
    # One row is sent as it stands: what Python makes of its numbers is another text.
    bodies = [json.dumps(row) for row in rows] if isinstance(rows, list) else [text]
    return [api.post(PRODUCTS, body, content_type="application/json") for body in bodies]


def _post_numbers(report: Path, api: JSONClient) -> list[int]:
    rows = json.loads(report.read_text())
    make_product(rows[0]["sku"])
    set_stock(rows[0]["sku"], make_location(rows[0]["location"]), 3)
    return [
        answer.status_code
        for row in rows
        for sku, location, number in [(row["sku"], row["location"], row["delta"])]
        for answer in (
            api.post(f"{INVENTORY}adjustments/", row),
            api.post(f"{INVENTORY}counts/", {"sku": sku, "location": location, "on_hand": number}),
            api.post(f"{INVENTORY}reservations/", {"reference": "R", "lines": [{"sku": sku, "quantity": number}]}),
            api.post(PRODUCTS, {"name": "Lamp", "variants": [{"sku": "A-1", "price": number}]}),
            api.get("/api/v1/events/", {"after": number}),
        )
    ]


def _apply_webhook(report: Path, _: JSONClient) -> PMSEvent:
    now = datetime.now(tz=UTC)
    text = report.read_text().replace("<NOW as 2026-11-28t20:27:49z>", f"{now:%Y-%m-%dt%H:%M:%Sz}")
    data = json.loads(text)["data"]
    make_product(data["sku"])
    connection = make_connection(owns=make_location(data["location"]))

    assert send_webhook(connection, text, webhook_id="m-1") == 202
    services.apply_due_events()

    return PMSEvent.objects.get()


def _send_signatures(report: Path, _: JSONClient) -> list[int]:
    connection = make_connection()
    return [
        send_webhook(connection, '{"type": "x", "data": {}}', webhook_id=f"m-{number}", signatures=_signatures(line))
        for number, line in enumerate(report.read_text().splitlines())
    ]


def _signatures(line: str) -> str:
    value = line.removeprefix("webhook-signature: ").removesuffix("(two spaces)").rstrip()
    return value.replace("<other good-looking base64>", "A" * 43 + "=").replace("v1,<good base64>", "{good}")


# By the end of the name, or by the member that only JSON of this kind has.
RUNNERS: dict[str, Callable[[Path, JSONClient], Any]] = {
    ".csv": _import_file,
    ".txt": _send_signatures,
    "data": _apply_webhook,
    "delta": _post_numbers,
    "variants": _post_products,
}
