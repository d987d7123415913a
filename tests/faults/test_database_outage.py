"""The database goes away while PMS events are applied: that is a failure of ours, and counts for none of them."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django.db import connection as database
from django.utils import timezone

from inventory.models import StockLevel
from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.contract import Report
from pms_integration.connectors.standard import StandardConnector
from pms_integration.models import PMSEvent
from tests.factories import make_connection, make_location, make_product
from tests.pms_integration.reports import delta, receive

pytestmark = pytest.mark.django_db(transaction=True)


class Cutting(StandardConnector):
    """Ends the worker's session, at the first message that it parses."""

    cuts = 0

    def parse(self, headers: Mapping[str, str], body: Mapping[str, Any]) -> Sequence[Report] | None:
        """Parses as the standard connector does."""
        if not self.cuts:
            self.cuts += 1
            with psycopg.connect(os.environ["DATABASE_URL"]) as operator:
                operator.execute("SELECT pg_terminate_backend(%s)", [database.connection.info.backend_pid])
        return super().parse(headers, body)


def test_events_in_work_are_due_again_at_once_and_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    pms = make_connection(owns=make_location("main"))
    make_product("A-1")
    for number in range(3):
        receive(pms, "inventory.adjusted", delta(1, minute=-1), webhook_id=f"m-{number}")
    monkeypatch.setitem(CONNECTORS, "standard", Cutting())

    with pytest.raises(OperationalError):
        services.apply_due_events()

    rows = PMSEvent.objects.values_list("status", "attempts", "failures", "crashes")
    assert list(rows) == [("received", 0, 0, 0)] * 3
    assert PMSEvent.objects.filter(due_at__lte=timezone.now()).count() == 3
    services.apply_due_events()
    assert set(PMSEvent.objects.values_list("status", flat=True)) == {"processed"}
    assert StockLevel.objects.get().on_hand == 3
