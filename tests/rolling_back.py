"""A transaction of a test, which writes nothing in the end."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def rolled_back() -> Iterator[None]:
    """Rolls back what is written in it; as in the transaction that Django opens around a test, calls are allowed."""
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)
