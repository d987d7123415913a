"""Nothing that leaves the machine happens inside a transaction."""

from django.db import connection, transaction


def require_no_transaction() -> None:
    """Raises `TransactionManagementError` in a transaction, whose locks would be held while another machine is slow.

    The transaction that Django's `TestCase` opens around a test does not count, as with `atomic(durable=True)`.
    """
    blocks = connection.atomic_blocks
    if blocks and not getattr(blocks[-1], "_from_testcase", False):
        raise transaction.TransactionManagementError("An outgoing call is not made in a transaction.")
