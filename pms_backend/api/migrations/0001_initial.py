import django.db.models.functions.datetime
from django.db import migrations, models

from pms_backend.api.migration_sql import run_sql_file


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('digest', models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ('fingerprint', models.BinaryField(max_length=32)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('status', models.PositiveSmallIntegerField(null=True)),
                ('headers', models.JSONField(db_default={}, default=dict)),
                ('body', models.BinaryField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['created_at'], name='api_idempotencykey_age')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('body', None), ('status', None)), models.Q(('body__isnull', False), ('status__isnull', False), ('status__range', (200, 299))), _connector='OR'), name='api_idempotencykey_answer_is_a_success')],
            },
        ),
        run_sql_file(__file__, "storage"),
    ]
