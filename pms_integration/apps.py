from django.apps import AppConfig


class PMSIntegrationConfig(AppConfig):
    name = "pms_integration"
    verbose_name = "PMS integration"

    def ready(self) -> None:
        """Connects the receivers of published events."""
        from pms_integration import receivers

        receivers.connect()
