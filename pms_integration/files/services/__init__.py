"""The writes of imports."""

from pms_integration.files.services.chunks import apply_chunk
from pms_integration.files.services.jobs import (
    create_import,
    import_previewed,
    location_of,
    prune_import_files,
    store_file,
)
from pms_integration.files.services.leases import (
    fail_import,
    finish_import,
    lease_import,
    release,
    renew,
    set_total,
)
from pms_integration.files.services.previews import preview_chunks
