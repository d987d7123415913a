"""The thread's connection to the database, without Django's look-ups: ten function calls for each attribute.

For threads that serve requests. Django's proxy asks at each access whether an event loop runs in the thread.
"""

import threading
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.database: BaseDatabaseWrapper = connections[DEFAULT_DB_ALIAS]


_of_thread: Final = _OfThread()


def is_in_transaction() -> bool:
    """Whether the thread is in a transaction."""
    return _of_thread.database.in_atomic_block


def close_if_broken_or_old() -> None:
    """What Django's `close_old_connections` does, for the one database that there is."""
    _of_thread.database.close_if_unusable_or_obsolete()
