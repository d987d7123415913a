"""`/metrics` of the running system: the web server passes on the headers that decide about access."""

import pytest

from tests.flows.stack import Stack

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_a_proxy_on_this_machine_is_refused(stack: Stack, header: str) -> None:
    url = f"{stack.quickstart['base_url']}/metrics"

    assert stack.http.get(url).status_code == 200
    assert stack.http.get(url, headers={header: "203.0.113.9"}).status_code == 403
