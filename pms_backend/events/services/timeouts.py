"""Timeouts of the relay's transactions."""

from typing import Final

from django.db import connection

RELAY_TIMEOUT: Final = "30s"


def limit_waiting() -> None:
    """Limits each statement of the transaction, and each pause between two, to 30 s."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true),"
            " set_config('idle_in_transaction_session_timeout', %s, true)",
            [RELAY_TIMEOUT, RELAY_TIMEOUT],
        )
