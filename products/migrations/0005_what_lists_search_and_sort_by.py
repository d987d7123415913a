"""What lists search and sort by, beside the product."""

import django.contrib.postgres.search
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('products', '0004_variants_and_the_tree_keep_their_rules'),
    ]

    operations = [
        migrations.AddField(
            model_name='product',
            name='lowest_price',
            field=models.DecimalField(decimal_places=2, editable=False, max_digits=12, null=True),
        ),
        migrations.AddField(
            model_name='product',
            name='search_document',
            field=django.contrib.postgres.search.SearchVectorField(editable=False, null=True),
        ),
    ]
