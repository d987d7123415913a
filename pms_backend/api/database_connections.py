"""Connections to PostgreSQL that are kept between uses."""

from django.db import close_old_connections, connection


def close_lost_connection() -> None:
    """Closes this thread's connection where a restart of PostgreSQL broke it; the next statement opens another.

    Call it outside of a transaction.
    """
    close_old_connections()
    if connection.connection is not None and not connection.is_usable():
        connection.close()
