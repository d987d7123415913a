"""Moving units between two locations at once."""

from inventory.models import Transfer
from inventory.services.transfer_transitions import receive_transfer, ship_transfer
from inventory.services.transfers import create_transfer
from pms_backend.api.transactions import retried_atomic


@retried_atomic
def move_stock(*, sku: str, source: str, target: str, quantity: int, reference: str = "") -> Transfer:
    """Moves units (from 1) of a SKU, by a transfer that is shipped and received at once. Returns it, received.

    Raises the errors of `create_transfer` and `ship_transfer`.
    """
    transfer = create_transfer(source=source, target=target, lines=[(sku, quantity)], reference=reference)
    ship_transfer(transfer_id=transfer.pk)
    return receive_transfer(transfer_id=transfer.pk)
