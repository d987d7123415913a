"""`/metrics` of the running system: the web server passes on the headers that decide about access."""

import re

import pytest

from tests.flows.stack import Stack

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_a_proxy_on_this_machine_is_refused(stack: Stack, header: str) -> None:
    url = f"{stack.quickstart['base_url']}/metrics"

    assert stack.http.get(url).status_code == 200
    assert stack.http.get(url, headers={header: "203.0.113.9"}).status_code == 403


def test_each_program_counts_where_a_scrape_finds_it(stack: Stack) -> None:
    text = stack.http.get(f"{stack.quickstart['base_url']}/metrics").text

    started = set(re.findall(r'^pms_process_start_time_seconds\{program="([a-z]+)"\}', text, re.MULTILINE))
    assert started >= {"web", "sockets", "relay", "sync", "pms", "deliveries", "worker", "beat"}
    assert re.search(r"^pms_http_requests_total\{.*\} [1-9]", text, re.MULTILINE)
