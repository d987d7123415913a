"""An index for each order of a list, and for the search."""

import datetime
from decimal import Decimal

import django.contrib.postgres.indexes
import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('products', '0006_prepare_products_for_readers'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='product',
            name='products_product_updated',
        ),
        migrations.RemoveIndex(
            model_name='product',
            name='products_product_brand',
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(fields=['brand', 'id'], name='products_product_of_brand'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=django.contrib.postgres.indexes.GinIndex(fastupdate=False, fields=['search_document'], name='products_product_search'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(fields=['name', 'id'], name='products_product_by_name'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(fields=['updated_at', 'id'], name='products_product_by_updated'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(fields=['created_at', 'id'], name='products_product_by_created'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(django.db.models.functions.comparison.Coalesce('published_at', models.Value(datetime.datetime(9999, 12, 31, 0, 0, tzinfo=datetime.timezone.utc))), models.F('id'), name='products_product_published_up'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(django.db.models.functions.comparison.Coalesce('published_at', models.Value(datetime.datetime(1, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), models.F('id'), name='products_product_published_dn'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(django.db.models.functions.comparison.Coalesce('lowest_price', models.Value(Decimal('10000000000'))), models.F('id'), name='products_product_price_up'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(django.db.models.functions.comparison.Coalesce('lowest_price', models.Value(Decimal('-1'))), models.F('id'), name='products_product_price_down'),
        ),
        migrations.AddIndex(
            model_name='variant',
            index=models.Index(fields=['updated_at', 'id'], name='products_variant_by_updated'),
        ),
    ]
