"""The buttons of a product's page that change its status, and what keeps a draft from being published."""

from collections.abc import Iterable
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.api.service_admin import ServiceAdmin
from pms_backend.api.typed_unfold import action
from products import services
from products.models import Product, ProductStatus, Variant
from products.services.publishing import failed_rules

# The buttons for each status.
STATUS_ACTIONS: Final = {
    ProductStatus.DRAFT: ("publish", "archive"),
    ProductStatus.ACTIVE: ("unpublish", "archive"),
    ProductStatus.ARCHIVED: ("restore",),
}


class StatusButtons(ServiceAdmin):
    """A page with the buttons for the status of its product; each saves the page first."""

    actions_submit_line = ("publish", "unpublish", "archive", "restore")

    def get_actions_submit_line(self, request: HttpRequest, object_id: int) -> list[Any]:
        """The buttons for the status of the product."""
        status = Product.objects.filter(pk=object_id).values_list("status", flat=True).first()
        allowed = (
            {f"products_product_{name}" for name in STATUS_ACTIONS.get(ProductStatus(status), ())} if status else set()
        )
        buttons = super().get_actions_submit_line(request, object_id)
        return [button for button in buttons if button.action_name in allowed]

    @action(description=gettext_lazy("Publish"), permissions=["change"], icon="visibility")
    def publish(self, request: HttpRequest, product: Product) -> None:
        """Saves the page and publishes the product."""
        services.publish_product(product_id=product.pk)
        messages.success(request, _("%(product)s is published.") % {"product": product.name})

    @action(description=gettext_lazy("Unpublish"), permissions=["change"], icon="visibility_off")
    def unpublish(self, request: HttpRequest, product: Product) -> None:
        """Saves the page and makes the product a draft."""
        services.unpublish_product(product_id=product.pk)
        messages.success(request, _("%(product)s is a draft again.") % {"product": product.name})

    @action(description=gettext_lazy("Archive"), permissions=["change"], icon="archive")
    def archive(self, request: HttpRequest, product: Product) -> None:
        """Saves the page and archives the product."""
        services.archive_product(product_id=product.pk)
        text = _("%(product)s is archived; its stock and history stay.")
        messages.success(request, text % {"product": product.name})

    @action(description=gettext_lazy("Restore"), permissions=["change"], icon="unarchive")
    def restore(self, request: HttpRequest, product: Product) -> None:
        """Saves the page and makes the archived product a draft."""
        services.restore_product(product_id=product.pk)
        messages.success(request, _("%(product)s is a draft again.") % {"product": product.name})


def publish_checks(product: Product, variants: Iterable[Variant]) -> list[tuple[str, str]]:
    """What is to be done before a draft can be published: texts, and the ids of the fields that they speak of."""
    shown = list(variants)
    texts = {
        "name_missing": _("Enter a name."),
        "variant_missing": _("Add a variant."),
        "price_missing": _("Enter the price of %(sku)s."),
    }
    checks = []
    for error in failed_rules(product, shown):
        field = error.pointer.strip("/").replace("/", "-")
        index = error.pointer.split("/")[2:3]
        sku = shown[int(index[0])].sku if index else ""
        checks.append((texts[error.code] % {"sku": sku}, f"id_{field}"))
    return checks
