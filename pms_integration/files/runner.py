"""Running imports: claimed, then read and written chunk by chunk, to their end or until others have to be let in."""

import logging
import time
from collections.abc import Sequence
from typing import IO, cast

from django.db import InterfaceError, OperationalError

from pms_backend.api.exceptions import DomainError
from pms_integration.exceptions import ImportLost
from pms_integration.files import services
from pms_integration.files.limits import RENEWAL_SECONDS, SLICE_SECONDS
from pms_integration.files.parsed_products import Draft
from pms_integration.files.problems import FileUnusable
from pms_integration.files.reading import ImportFile, chunks_of
from pms_integration.files.records import Place
from pms_integration.files.services.jobs import import_wake_up
from pms_integration.files.services.leases import Claim
from pms_integration.files.storage import private_files
from pms_integration.models import ImportJob

logger = logging.getLogger(__name__)


def run_imports() -> int:
    """Works on imports for `SLICE_SECONDS` at most, and rings for the rest; returns how many it has claimed."""
    import_wake_up.acknowledge()
    until = time.monotonic() + SLICE_SECONDS
    claimed = 0
    while time.monotonic() < until:
        claim = services.claim_import()
        if claim is None:
            return claimed
        claimed += 1
        _attempt(claim, until)
    import_wake_up.send()
    return claimed


def _attempt(claim: Claim, until: float) -> None:
    """What fails here is tried again when the lease has run out, a few times."""
    try:
        _run(claim, until)
    except ImportLost:
        logger.warning("The import %s has been claimed by somebody else", claim.job_id)
    except FileUnusable as error:
        services.fail_import(claim=claim, reason=str(error))
    except FileNotFoundError:
        services.fail_import(claim=claim, reason="The file is not in the storage any more.")
    except DomainError as error:
        # Somebody took a SKU or a handle between our look and our write: the next look sees it.
        logger.warning("The import %s: %s", claim.job_id, error.detail)
        services.give_back(claim=claim)
    except Exception:
        logger.exception("The import %s could not go on", claim.job_id)


class _Heartbeat:
    """Renews the claim in time, however often it is called: of lines nobody knows how long one takes to read."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._due_at = time.monotonic() + RENEWAL_SECONDS

    def __call__(self) -> None:
        if time.monotonic() >= self._due_at:
            services.renew(claim=self._claim)
            self._due_at = time.monotonic() + RENEWAL_SECONDS


def _run(claim: Claim, until: float) -> None:
    job, beat = ImportJob.objects.get(pk=claim.job_id), _Heartbeat(claim)
    with private_files().open(str(job.file)) as opened:
        file = cast("IO[bytes]", opened)
        source = ImportFile(file, job.format)
        if job.total is None:
            total = source.count_lines(beat)
            services.set_total(claim=claim, total=total, warnings=source.warnings())
        for chunk in chunks_of(source.drafts(Place(job.offset, job.line), beat)):
            if not _write(claim, chunk, source):
                return
            if time.monotonic() >= until:
                services.give_back(claim=claim)
                return
    services.finish_import(claim=claim)


def _write(claim: Claim, drafts: Sequence[Draft], source: ImportFile) -> bool:
    """Writes the drafts; what nobody has foreseen costs one product, not an attempt. Returns whether it goes on."""
    try:
        return services.apply_chunk(claim=claim, drafts=drafts, repeated_skus=source.repeated_skus)
    except (ImportLost, DomainError, OperationalError, InterfaceError, OSError):
        raise
    except Exception:
        logger.exception("The import %s could not write the products from line %s on", claim.job_id, drafts[0].line)
    if len(drafts) > 1:
        return all(_write(claim, [draft], source) for draft in drafts)
    drafts[0].refuse(drafts[0].line, "", "not_importable", "It could not be written; the server's log says why.")
    return services.apply_chunk(claim=claim, drafts=drafts)
