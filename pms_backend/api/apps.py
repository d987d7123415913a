import logging

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "pms_backend.api"
    label = "api"
    verbose_name = "API"

    def ready(self) -> None:
        """Carries request ids into tasks, and logs warnings."""
        from pms_backend.api import task_context

        task_context.connect()
        logging.captureWarnings(capture=True)
