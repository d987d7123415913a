from django.apps import AppConfig


class ProductsConfig(AppConfig):
    name = "products"
    verbose_name = "Catalogue"

    def ready(self) -> None:
        """Connects the receivers of published events."""
        from products import receivers

        receivers.connect()
