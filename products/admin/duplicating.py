"""The button that makes a copy of a product."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.api.service_admin import EmptyForm, RefusalsAsFormErrors, ServiceAdmin
from pms_backend.api.typed_unfold import action
from products import services
from products.models import MAX_NAME_LENGTH


class Duplicating(ServiceAdmin):
    """A page whose product can be duplicated."""

    def has_duplicate_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may create products."""
        return self.has_add_permission(request)

    @action(description=gettext_lazy("Duplicate"), url_path="duplicate", permissions=["duplicate"], icon="content_copy")
    def duplicate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Makes a copy of the product after a question, and opens it."""
        product = self.get_or_404(request, object_id)
        name = _("%(product)s (copy)") % {"product": product.name}
        form = EmptyForm(request.POST or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                copy = services.duplicate_product(product_id=product.pk, name=name[:MAX_NAME_LENGTH])
                text = _("%(name)s is a draft. Change its SKUs and texts, then publish it.")
                messages.success(request, text % {"name": copy.name})
                return HttpResponseRedirect(reverse("admin:products_product_change", args=[copy.pk]))
        note = _(
            "The draft %(name)s gets the texts, options, variants, prices and pictures. Its SKUs end in -COPY: change "
            "them on its page. Barcodes, stock and the schedule are not copied."
        )
        return self.form_page(
            request,
            form,
            title=_("Duplicate %(product)s?") % {"product": product.name},
            note=note % {"name": name},
            button=_("Duplicate"),
            back=reverse("admin:products_product_change", args=[product.pk]),
        )
