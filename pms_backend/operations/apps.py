from django.apps import AppConfig
from django.core.checks import register


class OperationsConfig(AppConfig):
    name = "pms_backend.operations"
    label = "operations"
    verbose_name = "Operations"

    def ready(self) -> None:
        """Makes our Celery application the default for sending tasks, and registers the system checks."""
        from pms_backend import celery
        from pms_backend.operations import checks

        celery.app.set_default()
        register(checks.check_settings)
