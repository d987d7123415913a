from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProductsConfig(AppConfig):
    name = "products"
    verbose_name = _("Catalogue")

    def ready(self) -> None:
        """Connects the receivers of published events."""
        from products import receivers

        receivers.connect()
