"""The status of transfers and stocktakes."""

from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.exceptions import StocktakeStateConflict, TransferStateConflict
from inventory.models import Stocktake, Transfer
from pms_backend.api.exceptions import Conflict
from pms_backend.api.problems import FieldError

_CONFLICTS: Final[dict[type[Transfer | Stocktake], type[Conflict]]] = {
    Transfer: TransferStateConflict,
    Stocktake: StocktakeStateConflict,
}


def require_status(document: Transfer | Stocktake, done: str, *statuses: str) -> None:
    """Raises `TransferStateConflict` or `StocktakeStateConflict` in any other status; `done` ends the sentence."""
    if document.status not in statuses:
        status = document.get_status_display().lower()
        detail = _("The %(document)s is %(status)s, it cannot be %(done)s.") % {
            "document": document._meta.verbose_name,
            "status": status,
            "done": _(done),
        }
        raise _CONFLICTS[type(document)](detail, errors=[FieldError("/status", document.status, detail)])


def close_document(document: Transfer | Stocktake, status: str) -> None:
    """Sets the last status of a locked transfer or stocktake."""
    document.status, document.closed_at = status, timezone.now()
    document.save(update_fields=["status", "closed_at"])
