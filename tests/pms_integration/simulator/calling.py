"""A simulator in this process, called over HTTP as a connector or a test would."""

from typing import Any

import httpx

from pms_integration.simulator.faults import FaultSettings
from pms_integration.simulator.running import RunningSimulator, Settings

TOKEN = "token-of-the-pms"


class Caller:
    """Calls a simulator with its token."""

    def __init__(self, url: str, token: str = TOKEN) -> None:
        self.http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )

    def get(self, path: str, status: int = 200, **parameters: Any) -> Any:
        return self._call("GET", path, status, params=parameters)

    def post(self, path: str, body: Any, status: int = 200, **more: Any) -> Any:
        return self._call("POST", path, status, json=body, **more)

    def create(self, body: Any, key: str = "key-1", status: int = 201) -> Any:
        return self._call("POST", "/products", status, json=body, headers={"Idempotency-Key": key})

    def replace(self, product_id: str, body: Any, *, version: int, key: str, status: int = 200) -> Any:
        headers = {"Idempotency-Key": key, "If-Match": f'"{version}"'}
        return self._call("PUT", f"/products/{product_id}", status, json=body, headers=headers)

    def adjust(self, *adjustments: dict[str, Any]) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = self.post("/stock/adjustments", {"adjustments": adjustments})["results"]
        return results

    def control(self, path: str, body: Any = None, status: int = 200, method: str = "POST") -> Any:
        return self._call(method, f"/_simulator/{path}", status, json=body)

    def state(self) -> Any:
        return self.get("/_simulator/state")

    def counters(self) -> dict[str, int]:
        counters: dict[str, int] = self.get("/_simulator/counters")
        return counters

    def set_faults(self, faults: dict[str, float], **more: Any) -> None:
        self.control("faults", {"faults": faults, **more})

    def every(self, path: str, limit: int = 2, **parameters: Any) -> list[dict[str, Any]]:
        """All rows of a list, page by page."""
        rows, cursor = [], {}
        while True:
            page = self.get(path, limit=limit, **cursor, **parameters)
            rows += page[path.strip("/")]
            if page["next"] is None:
                return rows
            cursor = {"cursor": page["next"]}

    def close(self) -> None:
        self.http.close()

    def _call(self, method: str, path: str, status: int, **more: Any) -> Any:
        response = self.http.request(method, path, **more)
        assert response.status_code == status, response.text
        return response.json()


class SimulatorHere(Caller):
    """Starts with the settings that are given."""

    def __init__(self, *, faults: dict[str, float] | None = None, **settings: Any) -> None:
        given = {"token": TOKEN, "faults": FaultSettings(faults or {}), **settings}
        self.running = RunningSimulator(Settings(**given))
        super().__init__(self.running.url)

    def close(self) -> None:
        super().close()
        self.running.stop()


def product(sku: str = "A-1", **overrides: Any) -> dict[str, Any]:
    return {"name": f"Product {sku}", "variants": [{"sku": sku, "price": "10.00"}], **overrides}


def adjustment(key: str, sku: str = "A-1", delta: int = -1, **overrides: Any) -> dict[str, Any]:
    named = {"idempotency_key": key, "sku": sku, "location": "W1", "delta": delta}
    return {**named, "reason": "sale", "reference": "order 7", **overrides}
