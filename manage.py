#!/usr/bin/env python
"""Django's commands, on the stack that DATA_DIR or the environment names."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from pms_backend.api import context


def main() -> None:
    """Runs one command; a wrong setting ends it with one line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
    try:
        with context.bind(door=context.Door.COMMAND):
            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Settings: {error}")


if __name__ == "__main__":
    main()
