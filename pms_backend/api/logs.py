"""Log lines say in which request they were written."""

import logging

from pms_backend.api import context


class ContextFilter(logging.Filter):
    """Adds `request_id` and `actor` to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record pass."""
        now = context.current()
        record.request_id = now.request_id or "-"
        record.actor = now.actor
        return True
