"""Everything that clients do, at once: each client repeats one thing, with a pause, until it is told to stop."""

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import httpx
from websockets.sync.client import connect

from tests.flows.stack import Stack
from tests.products.pictures import picture

SKUS: Final = tuple(f"LOAD-{number:02}" for number in range(60))
IMPORTED: Final = 100
READS: Final = (
    "/products/?search=load&page_size=50",
    "/products/?in_stock=true&ordering=name",
    "/inventory/levels/?location=main&page_size=100",
    f"/inventory/levels/{SKUS[0]}/",
    f"/inventory/movements/?sku={SKUS[0]}&page_size=20",
    "/inventory/reservations/?status=active",
    "/events/?types=stock.*&limit=100",
    "/pms/inventory/?differs=true",
)
PAGES: Final = (
    "", "products/product/?q=load", "inventory/stocklevel/", "inventory/stockmovement/", "inventory/board/",
    "inventory/reservation/", "pms_integration/pmsevent/", "webhooks/delivery/", "access/auditentry/",
)  # fmt: skip
SOCKET_SECONDS: Final = 5


class MixedLoad:
    """The clients of a stack. `counts` says how often each thing was done."""

    def __init__(self, stack: Stack, subscriber_url: str) -> None:
        self.stack = stack
        self.counts: Counter[str] = Counter()
        self.imports: list[str] = []
        self._stopping = threading.Event()
        self._chance = random.Random("load")
        self._products = [self._make_product(sku) for sku in SKUS]
        self._admin = self._signed_in()
        stack.call("POST", "/webhooks/endpoints/", json={"url": subscriber_url, "event_types": ["*"]})

    @contextmanager
    def running(self) -> Iterator[None]:
        """Lets the clients work until the end of the block, where what stopped one of them is raised."""
        clients: dict[Callable[[], None], tuple[int, float]] = {  # how many, and the pause of each in seconds
            self.read: (2, 0.05),
            self.write: (2, 0.1),
            self.reserve: (1, 0.2),
            self.receive_webhook: (2, 0.1),
            self.edit: (1, 0.5),
            self.open_socket: (4, 0.2),
            self.look_at_the_admin: (1, 1),
            self.scrape: (1, 2),
            self.upload_picture: (1, 5),
            self.import_file: (1, 20),
        }
        with ThreadPoolExecutor(sum(number for number, _ in clients.values())) as pool:
            running = [pool.submit(self._repeat, work, pause) for work, (n, pause) in clients.items() for _ in range(n)]
            try:
                yield
            finally:
                self._stopping.set()
        self._admin.close()
        for client in running:
            client.result()

    @property
    def has_failed(self) -> bool:
        return self._stopping.is_set()

    def _repeat(self, work: Callable[[], None], pause: float) -> None:
        try:
            while not self._stopping.wait(pause):
                work()
                self.counts[work.__name__] += 1
        finally:
            self._stopping.set()

    def _make_product(self, sku: str) -> int:
        variants = [{"sku": sku, "price": "1.00", "currency": "EUR"}]
        product = self.stack.call(
            "POST", "/products/", json={"name": f"Load {sku}", "status": "active", "variants": variants}
        )
        level = {"sku": sku, "location": "main"}
        self.stack.call("POST", "/inventory/adjustments/", json={**level, "delta": 100_000, "reason": "receipt"})
        identifier: int = product["id"]
        return identifier

    def _signed_in(self) -> httpx.Client:
        """A browser with a session of the admin."""
        base = self.stack.quickstart["base_url"]
        browser = httpx.Client(base_url=f"{base}/admin/", timeout=60, headers={"Referer": f"{base}/admin/login/"})
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get("login/").text)
        assert token is not None
        answer = browser.post("login/", data={**self.stack.quickstart["admin"], "csrfmiddlewaretoken": token[1]})
        assert answer.status_code == 302, answer.text[:300]
        return browser

    def read(self) -> None:
        self.stack.call("GET", self._chance.choice(READS))

    def write(self) -> None:
        sign = self._chance.choice((1, -1))
        reason = "receipt" if sign > 0 else "sale"
        body = {"sku": self._chance.choice(SKUS), "location": "main", "delta": sign, "reason": reason}
        self.stack.call("POST", "/inventory/adjustments/", json=body)

    def edit(self) -> None:
        price = f"{self._chance.randint(1, 99)}.00"
        number = self._chance.randrange(len(SKUS))
        body = {"variants": [{"sku": SKUS[number], "price": price}]}
        self.stack.call("PATCH", f"/products/{self._products[number]}/", json=body)

    def reserve(self) -> None:
        reference = f"load-{self._chance.getrandbits(60)}"
        lines = [{"sku": sku, "quantity": 1} for sku in self._chance.sample(SKUS, 3)]
        made = self.stack.call("POST", "/inventory/reservations/", json={"reference": reference, "lines": lines})
        ending = self._chance.choice(("commit", "release"))
        self.stack.call("POST", f"/inventory/reservations/{made['id']}/{ending}/")

    def receive_webhook(self) -> None:
        data = {"sku": self._chance.choice(SKUS), "location": "main", "delta": self._chance.choice((1, -1))}
        webhook_id = f"load-{self._chance.getrandbits(60)}"
        assert self.stack.send("inventory.adjusted", data, webhook_id=webhook_id) == 202

    def open_socket(self) -> None:
        """Reads what comes for some seconds; every other one breaks off instead of closing."""
        quickstart = self.stack.quickstart
        headers = {"X-Api-Key": quickstart["api_key"]}
        with connect(quickstart["ws_url"], additional_headers=headers, max_size=None, open_timeout=30) as socket:
            socket.send(json.dumps({"action": "subscribe", "skus": self._chance.sample(SKUS, 20)}))
            self._stopping.wait(self._chance.uniform(0, SOCKET_SECONDS))
            assert json.loads(socket.recv(timeout=30))["type"] == "snapshot"
            if self._chance.random() < 0.5:
                socket.socket.close()

    def look_at_the_admin(self) -> None:
        answer = self._admin.get(page := self._chance.choice(PAGES))
        assert answer.status_code == 200, f"{page}: {answer.status_code}"

    def scrape(self) -> None:
        """Counts the readiness: what else runs here may delay a check beyond its limit. The end has to be good."""
        base = self.stack.quickstart["base_url"]
        metrics, ready = self.stack.http.get(f"{base}/metrics"), self.stack.http.get(f"{base}/health/ready")
        assert (metrics.status_code, ready.status_code) in ((200, 200), (200, 503)), metrics.text[:300]
        self.counts[f"readiness: {ready.json()['status']}"] += 1

    def upload_picture(self) -> None:
        """A new picture, and the end of it."""
        images = f"/products/{self._chance.choice(self._products)}/images/"
        colour = tuple(self._chance.randrange(256) for _ in range(3))
        made = self.stack.call("POST", images, files={"file": ("a.jpg", picture(size=(800, 600), color=colour))})
        key = {"X-Api-Key": self.stack.quickstart["api_key"]}
        gone = self.stack.http.delete(f"{self.stack.quickstart['base_url']}/api/v1{images}{made['id']}/", headers=key)
        assert gone.is_success, gone.text[:300]

    def import_file(self) -> None:
        """The same products each time, with other prices."""
        price = self._chance.randint(1, 99)
        rows = "".join(f"load-import-{number},Desk {number},{price}\n" for number in range(IMPORTED))
        content = f"Handle,Title,Variant Price\n{rows}"
        job = self.stack.call("POST", "/products/imports/", files={"file": ("load.csv", content)})
        self.imports.append(f"/products/imports/{job['id']}/")
