import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from pms_backend.api.migration_sql import run_sql_file


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sequence', models.BigIntegerField(editable=False, null=True, unique=True)),
                ('type', models.CharField(max_length=60, verbose_name='type')),
                ('subject', models.CharField(max_length=400)),
                ('actor', models.CharField(max_length=150, verbose_name='actor')),
                ('request_id', models.CharField(blank=True, max_length=128, verbose_name='request id')),
                ('occurred_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('data', models.JSONField()),
            ],
            options={
                'verbose_name': 'event',
                'verbose_name_plural': 'events',
                'ordering': ('id',),
                'indexes': [models.Index(condition=models.Q(('sequence', None)), fields=['id'], name='events_event_pending'), models.Index(condition=models.Q(('sequence__isnull', False)), fields=['subject', 'sequence'], name='events_event_subject'), models.Index(condition=models.Q(('sequence__isnull', False)), fields=['type', 'sequence'], name='events_event_type')],
            },
        ),
        migrations.CreateModel(
            name='FeedHead',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('sequence', models.BigIntegerField(default=0)),
                ('pruned_to', models.BigIntegerField(db_default=0, default=0)),
                ('pruned_before', models.DateTimeField(null=True)),
                ('begins_after', models.BigIntegerField(db_default=0, default=0)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='events_feedhead_is_one_row'), models.CheckConstraint(condition=models.Q(('pruned_to__lte', models.F('sequence'))), name='events_feedhead_pruned_what_was_published'), models.CheckConstraint(condition=models.Q(('begins_after__lte', models.F('sequence'))), name='events_feedhead_begins_before_its_end')],
            },
        ),
        migrations.CreateModel(
            name='RelayRun',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('starts', models.PositiveIntegerField(default=0)),
                ('alone_until', models.BigIntegerField(default=0)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='events_relayrun_is_one_row')],
            },
        ),
        migrations.CreateModel(
            name='ParkedEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('receiver', models.CharField(max_length=100, verbose_name='receiver')),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('last_error', models.TextField(blank=True, verbose_name='last error')),
                ('parked_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('resolved_at', models.DateTimeField(null=True)),
                ('event', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='parked', to='events.event')),
            ],
            options={
                'verbose_name': 'parked event',
                'verbose_name_plural': 'parked events',
                'ordering': ('-id',),
                'indexes': [models.Index(condition=models.Q(('resolved_at', None)), fields=['id'], name='events_parkedevent_unresolved')],
                'constraints': [models.UniqueConstraint(fields=('event', 'receiver'), name='events_parkedevent_one_per_pair')],
            },
        ),
        run_sql_file(__file__, "storage"),
    ]
