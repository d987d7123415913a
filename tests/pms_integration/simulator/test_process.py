"""The command: how it starts and stops, and what is there when it starts again."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.architecture.sources import ROOT
from tests.pms_integration.simulator.calling import Caller, adjustment, product
from tests.pms_integration.simulator.receiving import SECRET, Receiver

COMMAND = (sys.executable, "-m", "pms_integration.simulator")


@contextmanager
def simulator(*arguments: str, ends_by: signal.Signals = signal.SIGTERM) -> Iterator[Caller]:
    command = (*COMMAND, "--port", "0", *arguments)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            assert ready["pid"] == process.pid
            caller = Caller(ready["base_url"], ready["token"])
            yield caller
            caller.close()
        finally:
            process.send_signal(ends_by)
            process.wait(30)
    assert process.returncode == (0 if ends_by is not signal.SIGKILL else -signal.SIGKILL)


@pytest.mark.parametrize("ends_by", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_everything_is_there_when_it_starts_again(tmp_path, receiver: Receiver, ends_by):
    given = ("--database", str(tmp_path / "pms.sqlite"), "--products", "3", "--token", "t")
    hooked = ("--webhook-url", receiver.url, "--webhook-secret", SECRET)
    with simulator(*given, *hooked, ends_by=ends_by) as pms:
        pms.control("webhooks", {"is_paused": True})
        made = pms.create(product(), key="k1")
        pms.control("products/p-0000002", method="DELETE")
        (applied,) = pms.adjust(adjustment("k1"))
        before, counters = pms.state(), pms.counters()

    with simulator(*given, *hooked) as pms:
        after = pms.state()
        assert {**after, "clock": None} == {**before, "clock": None}
        assert pms.counters()["products.numbered"] == counters["products.numbered"] == 4
        assert pms.create(product(), key="k1") == made
        assert pms.adjust(adjustment("k1")) == [{**applied, "status": "duplicate"}]
        kinds = [message["type"] for message in receiver.wait_for(3)]

    assert kinds == ["product.created", "product.deleted", "inventory.adjusted"]


def test_a_large_catalogue_with_stock_is_there_at_the_start():
    with simulator("--products", "20000", "--location", "X=Only one") as pms:
        last = pms.get("/products/p-0020000")
        first = pms.get("/products", limit=1)["products"][0]
        skus = [variant["sku"] for shown in (first, last) for variant in shown["variants"]]
        stock = pms.get("/stock", sku=skus)["stock"]
        assert pms.get("/locations") == {"locations": [{"id": "X", "name": "Only one"}]}

    assert first["id"] == "p-0000001"
    assert [row["sku"] for row in stock] == sorted(skus)


def test_the_same_seed_makes_the_same_catalogue():
    catalogues = []
    for seed in ("1", "1", "2"):
        with simulator("--products", "5", "--seed", seed) as pms:
            products = pms.every("/products")
            catalogues.append([{**one, "updated_at": None} for one in products])

    assert catalogues[0] == catalogues[1] != catalogues[2]


def test_faults_are_set_by_the_command_line():
    with simulator("--faults", "429=1,retry_after_seconds=9", "--skew", "-3600") as pms:
        response = pms.http.get("/")
        state = pms.get("/_simulator/state")

    assert (response.status_code, response.headers["Retry-After"]) == (429, "9")
    assert state["clock"]["skew_seconds"] == -3600


@pytest.mark.parametrize(
    "wrong",
    [
        ("--faults", "nonsense=1"),
        ("--products", "-1"),
        ("--skew", "1e10"),
        ("--webhook-url", "http://x/"),
        ("--webhook-url", "x", "--webhook-secret", "whsec_AAAA"),
        ("--database", "/nowhere/pms.sqlite"),
        ("--host", "192.0.2.1"),
    ],
)
def test_a_wrong_start_is_told_in_words(wrong):
    ended = subprocess.run((*COMMAND, "--port", "0", *wrong), cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert ended.returncode in (1, 2)
    assert "Traceback" not in ended.stderr
    assert ended.stderr.strip()


def test_help_names_every_fault_and_control():
    shown = subprocess.check_output((*COMMAND, "--help"), cwd=ROOT, text=True, timeout=60)

    for word in ("timeout_after", "reordered_webhook", "/_simulator/stock/sell", "--skew"):
        assert word in shown
