"""Previews: a part of a file is written by the services of an import, and rolled back; what it came to is stored.

A product may mean one that an earlier part of the file would have written. So the earlier products of the file with one
of its names (handle or SKU), and in turn those with one of theirs, are written before it, and rolled back with it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from inventory.services.levels import lock_levels
from pms_backend.api.transactions import retried_atomic, rolled_back
from pms_integration.files.catalogue_lookup import CatalogueLookup
from pms_integration.files.limits import CHUNK_BYTES, MAX_EARLIER_PRODUCTS, MAX_PREVIEWS_AGAIN
from pms_integration.files.parsed_products import ParsedProduct
from pms_integration.files.reading import Chunk, ImportFile, chunks_of
from pms_integration.files.records import FilePosition
from pms_integration.files.services.leases import Lease, lock_import
from pms_integration.files.services.results import store_results
from pms_integration.files.services.writing import Written, write_products
from pms_integration.models import ImportJob, PreviewedName
from products.models import Product
from products.services.products import lock_products, lock_variants
from products.skus import sku_key


@retried_atomic
def preview_chunks(*, lease: Lease, chunks: Sequence[Chunk], source: ImportFile) -> bool:
    """Stores what an import would do with chunks of the file, and the progress; returns whether the preview goes on.

    The chunks are those of the import, since some outcomes depend on what is in the same one. Raises `ImportLost`.
    """
    job = lock_import(lease)
    planned_count = len(job.planned_categories)
    earlier = _EarlierProducts(job, source)
    earlier.find(name for chunk in chunks for parsed in chunk for name in _names_in_file(parsed))
    written = _try(job, earlier, chunks, source)
    for _ in range(MAX_PREVIEWS_AGAIN):
        if not earlier.find(name for one in written for name in _names_of(one)):
            break
        written = _try(job, earlier, chunks, source)
    if len(job.planned_categories) > planned_count:
        job.save(update_fields=["planned_categories"])
    _forget_unreal_products(written)
    PreviewedName.objects.bulk_create(
        PreviewedName(job=job, name_hash=name_hash, offset=one.parsed.start.offset, line=one.parsed.line)
        for one in written
        for name_hash in {_hash(name) for name in _names_of(one)}
    )
    return store_results(job, written)


def _try(job: ImportJob, earlier: "_EarlierProducts", chunks: Sequence[Chunk], source: ImportFile) -> list[Written]:
    """Writes the chunks after the earlier products, and rolls everything back."""

    def write(chunk: Chunk) -> list[Written]:
        return write_products(job, chunk, lambda: source.repeated_skus, job.planned_categories)

    before = list(earlier.chunks())
    with rolled_back():
        _lock(job, [*before, *chunks])
        for chunk in before:
            write(chunk)
        return [one for chunk in chunks for one in write(chunk)]


def _lock(job: ImportJob, chunks: Sequence[Chunk]) -> None:
    """Locks what several chunks may change, in the fixed order: one by one they would lock products after levels."""
    if len(chunks) < 2:
        return
    parsed_products = [parsed for chunk in chunks for parsed in chunk]
    found = CatalogueLookup(parsed_products)
    owners = {product_id for product_id, _ in found.owners.values()}
    products = lock_products([*owners, *(product.id for product in found.products.values())])
    variants = lock_variants(list(products))
    counts = any(variant.quantity is not None for parsed in parsed_products for variant in parsed.variants)
    if counts and job.location is not None:
        lock_levels((variant.pk, job.location.pk) for variant in variants)


def _forget_unreal_products(written: Sequence[Written]) -> None:
    """Clears the ids of products that were rolled back."""
    real = set(Product.objects.filter(pk__in=[one.product_id for one in written]).values_list("pk", flat=True))
    for one in written:
        if one.product_id not in real:
            one.product_id = None


class _EarlierProducts:
    """The products before a part of the file that have a name in common with it, or with one another."""

    def __init__(self, job: ImportJob, source: ImportFile) -> None:
        self._job = job
        self._source = source
        self._by_offset: dict[int, ParsedProduct] = {}
        self._size = 0

    def find(self, names: Iterable[str]) -> bool:
        """Adds the products with these names; returns whether there are any that were not there."""
        wanted, count = set(names), len(self._by_offset)
        while wanted and self._has_room():
            known = PreviewedName.objects.filter(job=self._job, name_hash__in=[_hash(name) for name in wanted])
            new = known.exclude(offset__in=list(self._by_offset)).order_by("offset").values_list("offset", "line")
            wanted = set()
            for offset, line in new.distinct()[:MAX_EARLIER_PRODUCTS]:
                if not self._has_room():
                    break
                parsed = self._source.product_at(FilePosition(offset, line))
                self._by_offset[offset] = parsed
                self._size += parsed.size
                wanted |= set(_names_in_file(parsed))
        return len(self._by_offset) > count

    def _has_room(self) -> bool:
        return len(self._by_offset) < MAX_EARLIER_PRODUCTS and self._size < CHUNK_BYTES

    def chunks(self) -> Iterator[Chunk]:
        """The products in the order of the file."""
        return chunks_of(parsed for _, parsed in sorted(self._by_offset.items()))


def _names_in_file(parsed: ParsedProduct) -> Iterator[str]:
    if parsed.handle:
        yield f"handle {parsed.handle}"
    for variant in parsed.variants:
        if variant.sku:
            yield f"sku {sku_key(variant.sku)}"


def _names_of(written: Written) -> Iterator[str]:
    """The names that a product has, or had, if it is written."""
    for values in (written.before, written.after):
        if values is not None:
            yield f"handle {values.product['handle']}"
            yield from (f"sku {sku_key(sku)}" for sku in values.skus)


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
