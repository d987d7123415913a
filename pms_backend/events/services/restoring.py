"""After the restore of a backup: what was given out since then is not given out again."""

from typing import Final

from django.db import connection, transaction

from pms_backend.events.models import FeedHead

# Those of 32 bits (users, groups) would overflow; no other system knows their numbers.
_SKIP_IDENTITIES: Final = """
SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass, coalesce(last_value, start_value) + %s)
FROM pg_sequences WHERE schemaname = current_schema() AND data_type = 'bigint'::regtype
"""


@transaction.atomic
def skip_after_restore(*, count: int) -> int:
    """Skips `count` sequences of the feed and `count` identities of every table; returns the new end of the feed.

    Readers who have read on after the backup would otherwise take new events for those that they know. A reader of
    before has 410 instead, and begins anew.
    """
    FeedHead.objects.get_or_create(id=1)
    head = FeedHead.objects.select_for_update(no_key=True).get(id=1)
    head.sequence += count
    head.begins_after = head.sequence
    head.save(update_fields=["sequence", "begins_after"])
    with connection.cursor() as cursor:
        cursor.execute(_SKIP_IDENTITIES, [count])
    return head.sequence
