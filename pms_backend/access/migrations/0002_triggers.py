"""The audit log only grows."""

from django.db import migrations

from pms_backend.api.migration_sql import run_sql_file


class Migration(migrations.Migration):

    dependencies = [("access", "0001_initial")]

    operations = [
        run_sql_file(__file__, "append_only_audit_log"),
    ]
