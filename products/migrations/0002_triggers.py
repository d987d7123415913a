"""The rules of the catalogue that no constraint of Django's can say."""

from django.db import migrations

from pms_backend.api.migration_sql import run_sql_file


class Migration(migrations.Migration):

    dependencies = [("products", "0001_initial")]

    operations = [
        run_sql_file(__file__, "product_has_a_variant"),
        run_sql_file(__file__, "variant_options_differ"),
        run_sql_file(__file__, "category_tree"),
    ]
