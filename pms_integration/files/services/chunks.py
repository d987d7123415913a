"""Writes a chunk of products, in one transaction with the progress of the import."""

from collections.abc import Callable, Sequence

from pms_backend.access.services import collected
from pms_backend.api.transactions import retried_atomic
from pms_integration.files.parsed_products import ParsedProduct
from pms_integration.files.services.leases import Lease, lock_import
from pms_integration.files.services.results import store_results
from pms_integration.files.services.writing import write_products


@retried_atomic
@collected()
def apply_chunk(
    *,
    lease: Lease,
    parsed_products: Sequence[ParsedProduct],
    repeated_skus: Callable[[], frozenset[str]] = frozenset,
) -> bool:
    """Writes the products without problems and the progress; returns whether the import goes on.

    The products are different ones. `repeated_skus` returns the keys of the SKUs that are in the file more than once.
    Raises `ImportLost`; then nothing is written.
    """
    job = lock_import(lease)
    return store_results(job, write_products(job, parsed_products, repeated_skus))
