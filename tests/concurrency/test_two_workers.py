"""Two workers apply the same facts, with a count between them: the stock depends on the set of facts alone."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from inventory.models import StockLevel
from pms_backend.operations.audit import find_mismatches
from pms_integration import services
from pms_integration.models import PMSEvent
from tests.concurrency.threads import at_once
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.pms_integration.reports import receive

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

ROUNDS = 6
MINUTES = (-9.5, -7.5, -5.5, -3.5, 1.5, 3.5)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_the_stock_does_not_depend_on_which_worker_is_first(seed: int) -> None:
    chance = random.Random(seed)
    main = make_location("main")
    pms = make_connection(owns=main)
    make_product("A-1")
    now = timezone.now()
    counts = [(chance.choice(MINUTES), number, chance.randint(0, 50)) for number in range(4)]
    changes = [(chance.choice(MINUTES), chance.choice([-3, -2, -1, 1, 2, 3])) for _ in range(20)]
    reports = [("inventory.updated", m, {"on_hand": units, "version": number}) for m, number, units in counts]
    reports += [("inventory.adjusted", minute, {"delta": units}) for minute, units in changes]
    chance.shuffle(reports)
    for kind, minute, data in reports:
        moment = (now + timedelta(minutes=minute)).isoformat()
        receive(pms, kind, {"sku": "A-1", "location": "main", "occurred_at": moment, **data})

    jobs: list[Callable[[], object]] = [services.apply_due_events, services.apply_due_events]
    results = at_once([*jobs, lambda: set_stock("A-1", "main", 25)])

    assert not [result for result in results if isinstance(result, Exception)]
    assert set(PMSEvent.objects.values_list("status", flat=True)) <= {"processed", "ignored"}
    since, _, base = max(counts)
    if since < 0:
        since, base = 0, 25
    assert StockLevel.objects.get().on_hand == base + sum(units for minute, units in changes if minute > since)
    assert find_mismatches() == []
