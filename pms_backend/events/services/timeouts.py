"""How long a receiver may keep the database waiting."""

from typing import Final

from django.db import connection

RELAY_TIMEOUT: Final = "30s"


def limit_waiting() -> None:
    """For the rest of the transaction, neither a statement nor the pause between two takes longer than 30 s."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true),"
            " set_config('idle_in_transaction_session_timeout', %s, true)",
            [RELAY_TIMEOUT, RELAY_TIMEOUT],
        )
