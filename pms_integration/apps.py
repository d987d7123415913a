from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PMSIntegrationConfig(AppConfig):
    name = "pms_integration"
    verbose_name = _("PMS integration")

    def ready(self) -> None:
        """Connects the receivers of published events."""
        from pms_integration import receivers

        receivers.connect()
