from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "inventory"
    verbose_name = "Stock"

    def ready(self) -> None:
        """Connects the receivers of published events."""
        from inventory import receivers

        receivers.connect()
