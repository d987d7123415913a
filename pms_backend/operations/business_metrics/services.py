"""The increases of counters as rows: added, merged into hours, and pruned."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import orjson
from django.db import connection, transaction
from django.utils import timezone

from pms_backend.api.arrays import as_array
from pms_backend.metrics.reading import Labels
from pms_backend.operations.models import MetricIncrease

RETENTION: Final = timedelta(days=31)
_ADD: Final = """
INSERT INTO operations_metricincrease AS known (began_at, name, labels, amount)
SELECT date_bin('5 minutes', now(), 'epoch'), name, labels::jsonb, amount
FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS risen (name, labels, amount)
ON CONFLICT (began_at, name, labels) DO UPDATE SET amount = known.amount + excluded.amount
"""
# The row of an hour is that of its first five minutes.
_MERGE: Final = """
WITH merged AS (
    DELETE FROM operations_metricincrease
    WHERE began_at < date_bin('1 hour', now() - interval '25 hours', 'epoch')
        AND began_at <> date_bin('1 hour', began_at, 'epoch')
    RETURNING began_at, name, labels, amount
)
INSERT INTO operations_metricincrease AS known (began_at, name, labels, amount)
SELECT date_bin('1 hour', began_at, 'epoch'), name, labels, sum(amount) FROM merged GROUP BY 1, 2, 3
ON CONFLICT (began_at, name, labels) DO UPDATE SET amount = known.amount + excluded.amount
"""


def add_increases(increases: Mapping[tuple[str, Labels], int]) -> None:
    """Adds each counter's increase, by its name and labels, to the five minutes of now; one statement."""
    if not increases:
        return
    names = [name for name, _ in increases]
    labels = [orjson.dumps(dict(labels)).decode() for _, labels in increases]
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [as_array(names), as_array(labels), as_array(list(increases.values()))])


@transaction.atomic
def prune_increases() -> int:
    """Merges the rows of each hour older than a day, and deletes those older than `RETENTION`; returns how many.

    Of a month with 40 kinds of counters that leaves 40,000 of 350,000 rows.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MERGE)
    count, _ = MetricIncrease.objects.filter(began_at__lt=timezone.now() - RETENTION).delete()
    return count
