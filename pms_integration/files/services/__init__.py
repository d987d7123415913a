"""The writes of imports."""

from pms_integration.files.services.chunks import apply_chunk
from pms_integration.files.services.jobs import create_import, prune_import_files, store_file
from pms_integration.files.services.leases import claim_import, fail_import, finish_import, give_back, renew, set_total

__all__ = [
    "apply_chunk",
    "claim_import",
    "create_import",
    "fail_import",
    "finish_import",
    "give_back",
    "prune_import_files",
    "renew",
    "set_total",
    "store_file",
]
