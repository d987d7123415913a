"""Works out what lists search and sort by, for the products that are there."""

from collections import defaultdict
from typing import Any

from django.db import migrations

from products.services.search_columns import FOR_READERS, prepare_for_readers

BATCH = 1_000


def prepare(apps: Any, _schema_editor: Any) -> None:
    """Every product, a batch of them at a time."""
    products, variants = apps.get_model("products", "Product"), apps.get_model("products", "Variant")
    last = 0
    while batch := list(products.objects.filter(pk__gt=last).order_by("pk")[:BATCH]):
        last = batch[-1].pk
        of_product = defaultdict(list)
        for variant in variants.objects.filter(product__in=batch):
            of_product[variant.product_id].append(variant)
        for product in batch:
            prepare_for_readers(product, of_product[product.pk])
        products.objects.bulk_update(batch, FOR_READERS)


class Migration(migrations.Migration):

    dependencies = [
        ('products', '0005_what_lists_search_and_sort_by'),
    ]

    operations = [
        migrations.RunPython(prepare, migrations.RunPython.noop),
    ]
