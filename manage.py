#!/usr/bin/env python
"""Django's commands, on the stack that the environment, `.env` or DATA_DIR names, in this order."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from pms_backend.api import context
from pms_backend.standalone.env_file import load_env_file
from pms_backend.standalone.exceptions import report_startup_errors


def main() -> None:
    """Runs one command; a wrong setting ends it with one line."""
    with report_startup_errors():
        load_env_file()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
    try:
        with context.bind(door=context.Door.COMMAND):
            execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Settings: {error}")


if __name__ == "__main__":
    main()
