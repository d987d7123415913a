from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InventoryConfig(AppConfig):
    name = "inventory"
    verbose_name = _("Stock")

    def ready(self) -> None:
        """Connects the receivers of published events."""
        from inventory import receivers

        receivers.connect()
