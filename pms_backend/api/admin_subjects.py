"""Links from the subject of an event, such as `product:12`, to its page of the admin."""

from typing import TYPE_CHECKING, Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy

from pms_backend.api.admin_tables import link
from pms_backend.api.typed_unfold import ModelAdmin, display

if TYPE_CHECKING:
    Base = ModelAdmin
else:
    Base = object

# Kinds whose subjects end with the number of the row, and kinds whose list finds what stands behind the last sign.
_BY_NUMBER: Final = {
    "product": "products.product",
    "reservation": "inventory.reservation",
    "transfer": "inventory.transfer",
    "stocktake": "inventory.stocktake",
    "import": "pms_integration.importjob",
    "sync_run": "pms_integration.syncrun",
    "pms_event": "pms_integration.pmsevent",
    "endpoint": "webhooks.webhookendpoint",
    "delivery": "webhooks.delivery",
}
_BY_SEARCH: Final = {
    "category": "products.category",
    "location": "inventory.location",
    "level": "inventory.stocklevel",
    "pms_connection": "pms_integration.pmsconnection",
    "pms_product": "pms_integration.pmsproduct",
    "api_client": "access.apiclient",
}


def subject_link(request: HttpRequest, subject: str, text: str = "") -> str:
    """The subject, or `text` for it, as a link if it has a page that the user may open."""
    text = text or subject
    kind, _, name = subject.partition(":")
    label = _BY_NUMBER.get(kind) or _BY_SEARCH.get(kind)
    if label is None or not _may_view(request, label):
        return text
    prefix = f"admin:{label.replace('.', '_')}"
    if kind in _BY_NUMBER:
        return link(reverse(f"{prefix}_change", args=[name]), text) if name.isdecimal() else text
    # A level is LOCATION/SKU, a product of a PMS is CONNECTION/ID.
    wanted = name.partition("/")[2] or name
    return link(f"{reverse(f'{prefix}_changelist')}?{urlencode({'q': wanted})}", text)


def _may_view(request: HttpRequest, label: str) -> bool:
    app, model = label.split(".")
    return any(request.user.has_perm(f"{app}.{verb}_{model}") for verb in ("view", "change"))


class LinkedSubjects(Base):
    """Adds the column and the field `linked_subject` to the admin of rows with a subject."""

    def subject_of(self, row: Any) -> str:
        """The subject of a row."""
        return str(row.subject)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with the links that this user may follow."""
        changelist: Any = super().get_changelist_instance(request)
        for row in changelist.result_list:
            row.linked = subject_link(request, self.subject_of(row))
        return changelist

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row, with its link."""
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            found.linked = subject_link(request, self.subject_of(found))
        return found

    @display(description=gettext_lazy("Subject"))
    def linked_subject(self, row: Any) -> Any:
        """What the row is about."""
        return row.linked
