"""The rules of stock that no constraint can say."""

from django.db import migrations

from pms_backend.api.migration_sql import run_sql_file


class Migration(migrations.Migration):

    dependencies = [("inventory", "0001_initial")]

    operations = [
        run_sql_file(__file__, "active_locations"),
        run_sql_file(__file__, "ledger"),
        run_sql_file(__file__, "append_only_ledger"),
        run_sql_file(__file__, "closed_reservations_and_transfers"),
        run_sql_file(__file__, "reserved_and_incoming"),
        run_sql_file(__file__, "level_stays"),
    ]
