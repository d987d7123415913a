"""What a scanned or typed code names: a SKU, else a barcode."""

from collections.abc import Iterable

from products.models import Variant
from products.skus import as_sku_key


def skus_by_code(codes: Iterable[str]) -> dict[str, list[str]]:
    """The SKUs that each code names: the one that it is, else those with this barcode, in their order.

    Archived variants count only where no current one has the barcode: a product that was made anew keeps its barcode.
    """
    keys = {code: as_sku_key(code) for code in codes}
    by_key = dict(Variant.objects.filter(sku_key__in=filter(None, keys.values())).values_list("sku_key", "sku"))
    found = {code: [by_key[key]] if key in by_key else [] for code, key in keys.items()}
    barcodes = {code.strip(): code for code, skus in found.items() if not skus and code.strip()}
    with_barcode = Variant.objects.filter(barcode__in=barcodes).order_by("is_archived", "sku_key")
    has_current: set[str] = set()
    for barcode, sku, is_archived in with_barcode.values_list("barcode", "sku", "is_archived"):
        if not is_archived:
            has_current.add(barcode)
        if not is_archived or barcode not in has_current:
            found[barcodes[barcode]].append(sku)
    return found
