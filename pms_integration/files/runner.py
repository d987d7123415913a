"""Runs imports: reads and writes chunk by chunk, until the file ends or another import gets its turn."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import IO, cast

from django.db import InterfaceError, OperationalError

from pms_backend.api.exceptions import DomainError
from pms_integration.exceptions import FileUnusable, ImportLost
from pms_integration.files import services
from pms_integration.files.limits import RENEWAL_SECONDS, SLICE_SECONDS
from pms_integration.files.reading import Chunk, ImportFile, chunks_of, parts_of
from pms_integration.files.records import FilePosition
from pms_integration.files.services.jobs import import_wake_up
from pms_integration.files.services.leases import Lease
from pms_integration.files.storage import private_files
from pms_integration.models import ImportJob

logger = logging.getLogger(__name__)

# Writes chunks, or previews them; returns whether the import goes on.
Writer = Callable[[Sequence[Chunk]], bool]


def run_imports() -> int:
    """Runs imports for `SLICE_SECONDS` at most; returns how many it has leased."""
    until = time.monotonic() + SLICE_SECONDS
    return import_wake_up.drain(lambda: _run_next(until), seconds=SLICE_SECONDS)


def _run_next(until: float) -> bool:
    """Runs the next import. One that is interrupted by an error is tried again when its lease ends, a few times."""
    lease = services.lease_import()
    if lease is None:
        return False
    try:
        _run(lease, until)
    except ImportLost:
        logger.warning("The import %s has been leased by another worker", lease.job_id)
    except FileUnusable as error:
        services.fail_import(lease=lease, reason=str(error))
    except FileNotFoundError:
        services.fail_import(lease=lease, reason="The file is not in the storage any more.")
    except DomainError as error:
        # Another writer used a SKU or a handle after it was looked up; the next attempt sees it.
        logger.warning("The import %s: %s", lease.job_id, error.detail)
        services.release(lease=lease)
    except Exception:
        logger.exception("The import %s could not go on", lease.job_id)
    return True


class _Heartbeat:
    """Renews the lease every `RENEWAL_SECONDS`, however often it is called."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._due_at = time.monotonic() + RENEWAL_SECONDS

    def __call__(self) -> None:
        if time.monotonic() >= self._due_at:
            services.renew(lease=self._lease)
            self._due_at = time.monotonic() + RENEWAL_SECONDS


def _run(lease: Lease, until: float) -> None:
    job, heartbeat = ImportJob.objects.get(pk=lease.job_id), _Heartbeat(lease)
    with private_files().open(str(job.file)) as opened:
        source = ImportFile(cast("IO[bytes]", opened), job.format)
        if job.total is None:
            services.set_total(lease=lease, total=source.count_lines(heartbeat), warnings=source.warnings())
        chunks = chunks_of(source.products(FilePosition(job.offset, job.line), heartbeat))
        write = _preview(lease, source) if job.dry_run else _apply(lease, source)
        for part in parts_of(chunks) if job.dry_run else ([chunk] for chunk in chunks):
            if not _write(write, part):
                return
            if time.monotonic() >= until:
                services.release(lease=lease)
                return
    services.finish_import(lease=lease)


def _apply(lease: Lease, source: ImportFile) -> Writer:
    """Writes chunks, each in a transaction of its own."""

    def apply(chunks: Sequence[Chunk]) -> bool:
        return all(
            services.apply_chunk(lease=lease, parsed_products=chunk, repeated_skus=lambda: source.repeated_skus)
            for chunk in chunks
        )

    return apply


def _preview(lease: Lease, source: ImportFile) -> Writer:
    """Stores what these chunks would do."""
    return lambda chunks: services.preview_chunks(lease=lease, chunks=chunks, source=source)


def _write(write: Writer, chunks: Sequence[Chunk]) -> bool:
    """Writes the chunks, or previews them; returns whether the import goes on.

    After an unexpected error the products are written one by one, and only those that fail are refused.
    """
    products = [product for chunk in chunks for product in chunk]
    try:
        return write(chunks)
    except (ImportLost, DomainError, OperationalError, InterfaceError, OSError):
        raise
    except Exception:
        logger.exception("The products from line %s on could not be written", products[0].line)
    if len(products) > 1:
        return all(_write(write, [[product]]) for product in products)
    products[0].refuse(products[0].line, "", "not_importable", "It could not be written; the server's log says why.")
    return write(chunks)
