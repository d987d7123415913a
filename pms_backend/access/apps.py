from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class AccessConfig(AppConfig):
    name = "pms_backend.access"
    label = "access"
    verbose_name = gettext_lazy("Access")

    def ready(self) -> None:
        """Connects what writes down who logged in, and who could not."""
        from pms_backend.access import receivers

        receivers.connect()
