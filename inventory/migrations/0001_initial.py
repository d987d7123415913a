import datetime
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.db import migrations, models

from pms_backend.api.migration_sql import run_sql_file


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('products', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Location',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=50, unique=True, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9][A-Za-z0-9._-]*\\Z', 'Letters, digits, dots, dashes, underscores.')], verbose_name='code')),
                ('name', models.CharField(max_length=255, verbose_name='name')),
                ('priority', models.PositiveSmallIntegerField(default=100, help_text='Stock is taken from the lowest number first.', verbose_name='priority')),
                ('is_active', models.BooleanField(default=True, verbose_name='is active')),
                ('address', models.TextField(blank=True, max_length=1000, verbose_name='address')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created at')),
            ],
            options={
                'verbose_name': 'location',
                'verbose_name_plural': 'locations',
                'ordering': ('priority', 'code'),
                'constraints': [models.CheckConstraint(condition=models.Q(('code', ''), _negated=True), name='inventory_location_has_a_code')],
            },
        ),
        migrations.CreateModel(
            name='Reservation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client', models.CharField(max_length=150, verbose_name='client')),
                ('reference', models.CharField(max_length=255, verbose_name='reference')),
                ('status', models.CharField(choices=[('active', 'Active'), ('committed', 'Committed'), ('released', 'Released'), ('expired', 'Expired')], default='active', max_length=10, verbose_name='status')),
                ('requested', models.JSONField(db_default=models.Value([], models.JSONField()), default=list, editable=False)),
                ('expires_at', models.DateTimeField(verbose_name='expires at')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='created at')),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='updated at')),
            ],
            options={
                'verbose_name': 'reservation',
                'verbose_name_plural': 'reservations',
                'ordering': ('-id',),
                'indexes': [models.Index(condition=models.Q(('status', 'active')), fields=['expires_at', 'id'], name='inventory_reservation_expiring'), models.Index(fields=['reference'], name='inventory_reservation_by_name', opclasses=['text_pattern_ops']), models.Index(fields=['client', 'id'], name='inventory_reservation_client')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status__in', ['active', 'committed'])), fields=('client', 'reference'), name='inventory_reservation_reference_unique'), models.CheckConstraint(condition=models.Q(('status__in', ['active', 'committed', 'released', 'expired'])), name='inventory_reservation_status_known'), models.CheckConstraint(condition=models.Q(('reference', ''), _negated=True), name='inventory_reservation_has_a_reference'), models.CheckConstraint(condition=models.Q(('expires_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('expires_at__lt', datetime.datetime(3000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='inventory_reservation_expires_at_in_bounds', violation_error_message='A moment lies between 1970-01-01 and 3000-01-01.')],
            },
        ),
        migrations.CreateModel(
            name='StockDay',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('movements', models.PositiveBigIntegerField()),
                ('units', models.BigIntegerField()),
                ('value', models.DecimalField(decimal_places=2, max_digits=30)),
            ],
            options={
                'ordering': ('day',),
            },
        ),
        migrations.CreateModel(
            name='StockLevel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on_hand', models.BigIntegerField(db_default=0, default=0, verbose_name='on hand')),
                ('reserved', models.BigIntegerField(db_default=0, default=0, verbose_name='reserved')),
                ('incoming', models.BigIntegerField(db_default=0, default=0, verbose_name='incoming')),
                ('version', models.BigIntegerField(db_default=0, default=0, verbose_name='version')),
                ('reorder_point', models.BigIntegerField(blank=True, null=True, verbose_name='reorder point')),
                ('backorder_limit', models.BigIntegerField(db_default=0, default=0, verbose_name='backorder limit')),
                ('is_oversold', models.BooleanField(db_default=False, default=False, verbose_name='is oversold')),
                ('is_low', models.GeneratedField(db_persist=True, expression=models.Case(models.When(reorder_point__gte=django.db.models.expressions.CombinedExpression(models.F('on_hand'), '-', models.F('reserved')), then=True), default=False), output_field=models.BooleanField())),
                ('counted_on_hand', models.BigIntegerField(editable=False, null=True)),
                ('counted_at', models.DateTimeField(editable=False, null=True)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='updated at')),
                ('location', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='levels', to='inventory.location', verbose_name='location')),
                ('variant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='levels', to='products.variant', verbose_name='variant')),
            ],
            options={
                'verbose_name': 'stock level',
                'verbose_name_plural': 'stock levels',
                'ordering': ('id',),
            },
        ),
        migrations.CreateModel(
            name='ReservationLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.BigIntegerField()),
                ('reserved', models.BigIntegerField()),
                ('committed', models.BigIntegerField(db_default=0, default=0)),
                ('reservation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='inventory.reservation')),
                ('level', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reservation_lines', to='inventory.stocklevel')),
            ],
            options={
                'verbose_name': 'reservation line',
                'verbose_name_plural': 'reservation lines',
                'ordering': ('id',),
            },
        ),
        migrations.CreateModel(
            name='StockMovement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('level_version', models.BigIntegerField(verbose_name='level version')),
                ('reason', models.CharField(choices=[('receipt', 'Receipt'), ('sale', 'Sale'), ('return', 'Return'), ('correction', 'Correction'), ('damage', 'Damage'), ('count', 'Count'), ('transfer_out', 'Transfer out'), ('transfer_in', 'Transfer in')], max_length=12, verbose_name='reason')),
                ('delta', models.BigIntegerField(verbose_name='delta')),
                ('on_hand_after', models.BigIntegerField(verbose_name='on hand after')),
                ('note', models.CharField(blank=True, max_length=1000, verbose_name='note')),
                ('reference', models.CharField(blank=True, max_length=255, verbose_name='reference')),
                ('actor', models.CharField(max_length=150, verbose_name='actor')),
                ('request_id', models.CharField(blank=True, max_length=128, verbose_name='request id')),
                ('source', models.CharField(blank=True, max_length=400, verbose_name='source')),
                ('is_deduplicated', models.BooleanField(db_default=False, default=False, editable=False)),
                ('occurred_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='occurred at')),
                ('reported_at', models.DateTimeField(editable=False, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='created at')),
                ('level', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='movements', to='inventory.stocklevel', verbose_name='level')),
                ('reverses', models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversals', to='inventory.stockmovement')),
            ],
            options={
                'verbose_name': 'stock movement',
                'verbose_name_plural': 'stock movements',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='Stocktake',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('open', 'Open'), ('posted', 'Posted'), ('cancelled', 'Cancelled')], default='open', max_length=10, verbose_name='status')),
                ('is_blind', models.BooleanField(db_default=True, default=True, help_text='Whoever counts does not see how many units are expected, and so counts without prejudice.', verbose_name='blind')),
                ('note', models.CharField(blank=True, max_length=1000, verbose_name='note')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='created at')),
                ('closed_at', models.DateTimeField(blank=True, null=True, verbose_name='closed at')),
                ('location', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='stocktakes', to='inventory.location', verbose_name='location')),
            ],
            options={
                'ordering': ('-id',),
                'verbose_name': 'count sheet',
                'verbose_name_plural': 'count sheets',
                'permissions': [('post_stocktake', 'Can post or cancel count sheet')],
            },
        ),
        migrations.CreateModel(
            name='StocktakeLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('expected', models.BigIntegerField()),
                ('counted', models.BigIntegerField(blank=True, null=True)),
                ('counted_at', models.DateTimeField(blank=True, null=True)),
                ('posted_delta', models.BigIntegerField(blank=True, editable=False, null=True)),
                ('stocktake', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='inventory.stocktake')),
                ('variant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='stocktake_lines', to='products.variant')),
            ],
            options={
                'verbose_name': 'stocktake line',
                'verbose_name_plural': 'stocktake lines',
                'ordering': ('id',),
            },
        ),
        migrations.CreateModel(
            name='Transfer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(blank=True, max_length=255, verbose_name='reference')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('in_transit', 'In transit'), ('received', 'Received'), ('cancelled', 'Cancelled')], default='draft', max_length=10, verbose_name='status')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='created at')),
                ('shipped_at', models.DateTimeField(blank=True, null=True, verbose_name='shipped at')),
                ('closed_at', models.DateTimeField(blank=True, null=True, verbose_name='closed at')),
                ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='transfers_out', to='inventory.location', verbose_name='source')),
                ('target', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='transfers_in', to='inventory.location', verbose_name='target')),
            ],
            options={
                'verbose_name': 'transfer',
                'verbose_name_plural': 'transfers',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='TransferLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.BigIntegerField(verbose_name='quantity')),
                ('in_transit', models.BigIntegerField(db_default=0, default=0)),
                ('received', models.BigIntegerField(db_default=0, default=0)),
                ('lost', models.BigIntegerField(db_default=0, default=0)),
                ('target_level', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='incoming_lines', to='inventory.stocklevel')),
                ('transfer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='inventory.transfer')),
                ('variant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='transfer_lines', to='products.variant', verbose_name='variant')),
            ],
            options={
                'verbose_name': 'transfer line',
                'verbose_name_plural': 'transfer lines',
                'ordering': ('id',),
            },
        ),
        migrations.AddIndex(
            model_name='stocklevel',
            index=models.Index(condition=models.Q(('is_low', True), ('is_oversold', True), _connector='OR'), fields=['id'], name='inventory_stocklevel_in_need'),
        ),
        migrations.AddConstraint(
            model_name='stocklevel',
            constraint=models.UniqueConstraint(fields=('variant', 'location'), name='inventory_stocklevel_one_per_place'),
        ),
        migrations.AddConstraint(
            model_name='stocklevel',
            constraint=models.CheckConstraint(condition=models.Q(('reserved__gte', 0)), name='inventory_stocklevel_reserved_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='stocklevel',
            constraint=models.CheckConstraint(condition=models.Q(('incoming__gte', 0)), name='inventory_stocklevel_incoming_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='stocklevel',
            constraint=models.CheckConstraint(condition=models.Q(('is_oversold', True), ('on_hand__gte', django.db.models.expressions.CombinedExpression(models.F('reserved'), '-', models.F('backorder_limit'))), _connector='OR'), name='inventory_stocklevel_not_oversold_unawares'),
        ),
        migrations.AddConstraint(
            model_name='stocklevel',
            constraint=models.CheckConstraint(condition=models.Q(('backorder_limit__gte', 0), models.Q(('reorder_point__isnull', True), ('reorder_point__gte', 0), _connector='OR')), name='inventory_stocklevel_limits_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='stocklevel',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('counted_at__isnull', True), ('counted_on_hand__isnull', True)), models.Q(('counted_at__isnull', False), ('counted_on_hand__isnull', False)), _connector='OR'), name='inventory_stocklevel_count_has_its_moment'),
        ),
        migrations.AddConstraint(
            model_name='stocklevel',
            constraint=models.CheckConstraint(condition=models.Q(('counted_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('counted_at__lt', datetime.datetime(3000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='inventory_stocklevel_counted_at_in_bounds', violation_error_message='A moment lies between 1970-01-01 and 3000-01-01.'),
        ),
        migrations.AddIndex(
            model_name='reservationline',
            index=models.Index(condition=models.Q(('reserved__gt', 0)), fields=['level'], include=('reserved',), name='inventory_reservationline_held'),
        ),
        migrations.AddConstraint(
            model_name='reservationline',
            constraint=models.UniqueConstraint(fields=('reservation', 'level'), name='inventory_reservationline_level_once'),
        ),
        migrations.AddConstraint(
            model_name='reservationline',
            constraint=models.CheckConstraint(condition=models.Q(('committed__gte', 0), ('quantity__gt', 0), ('reserved__gte', 0), ('quantity__gte', django.db.models.expressions.CombinedExpression(models.F('reserved'), '+', models.F('committed')))), name='inventory_reservationline_adds_up'),
        ),
        migrations.AddIndex(
            model_name='stockmovement',
            index=models.Index(fields=['level', 'occurred_at'], include=('delta',), name='inventory_movement_moment'),
        ),
        migrations.AddIndex(
            model_name='stockmovement',
            index=models.Index(condition=models.Q(('reported_at__isnull', False)), fields=['level', 'reported_at'], name='inventory_movement_reported'),
        ),
        migrations.AddIndex(
            model_name='stockmovement',
            index=models.Index(condition=models.Q(('reference', ''), _negated=True), fields=['reference', 'level'], name='inventory_movement_reference'),
        ),
        migrations.AddIndex(
            model_name='stockmovement',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['created_at'], name='inventory_movement_written'),
        ),
        migrations.AddConstraint(
            model_name='stockmovement',
            constraint=models.UniqueConstraint(fields=('level', 'level_version'), name='inventory_movement_one_per_version'),
        ),
        migrations.AddConstraint(
            model_name='stockmovement',
            constraint=models.UniqueConstraint(condition=models.Q(('source', ''), _negated=True), fields=('source',), name='inventory_movement_source_unique'),
        ),
        migrations.AddConstraint(
            model_name='stockmovement',
            constraint=models.UniqueConstraint(condition=models.Q(('is_deduplicated', True)), fields=('level', 'reference', 'reason'), name='inventory_movement_acts_once'),
        ),
        migrations.AddConstraint(
            model_name='stockmovement',
            constraint=models.UniqueConstraint(condition=models.Q(('reverses__isnull', False)), fields=('reverses',), name='inventory_movement_reversed_once'),
        ),
        migrations.AddConstraint(
            model_name='stockmovement',
            constraint=models.CheckConstraint(condition=models.Q(('is_deduplicated', False), models.Q(('reference', ''), _negated=True), _connector='OR'), name='inventory_movement_deduplicated_by_reference'),
        ),
        migrations.AddConstraint(
            model_name='stockmovement',
            constraint=models.CheckConstraint(condition=models.Q(('delta', 0), _negated=True), name='inventory_movement_changes_something'),
        ),
        migrations.AddConstraint(
            model_name='stockmovement',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['receipt', 'sale', 'return', 'correction', 'damage', 'count', 'transfer_out', 'transfer_in'])), name='inventory_movement_reason_known'),
        ),
        migrations.AddConstraint(
            model_name='stockmovement',
            constraint=models.CheckConstraint(condition=models.Q(('occurred_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('occurred_at__lt', datetime.datetime(3000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='inventory_stockmovement_occurred_at_in_bounds', violation_error_message='A moment lies between 1970-01-01 and 3000-01-01.'),
        ),
        migrations.AddConstraint(
            model_name='stockmovement',
            constraint=models.CheckConstraint(condition=models.Q(('reported_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('reported_at__lt', datetime.datetime(3000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='inventory_stockmovement_reported_at_in_bounds', violation_error_message='A moment lies between 1970-01-01 and 3000-01-01.'),
        ),
        migrations.AddConstraint(
            model_name='stocktake',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['open', 'posted', 'cancelled'])), name='inventory_stocktake_status_known'),
        ),
        migrations.AddConstraint(
            model_name='stocktake',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('status', 'open')), models.Q(models.Q(('status', 'open'), _negated=True), ('closed_at__isnull', False)), _connector='OR'), name='inventory_stocktake_closed_when_not_open'),
        ),
        migrations.AddConstraint(
            model_name='stocktakeline',
            constraint=models.UniqueConstraint(fields=('stocktake', 'variant'), name='inventory_stocktakeline_variant_once'),
        ),
        migrations.AddConstraint(
            model_name='stocktakeline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('counted__isnull', True), ('counted_at__isnull', True)), models.Q(('counted__gte', 0), ('counted__isnull', False), ('counted_at__isnull', False)), _connector='OR'), name='inventory_stocktakeline_count_has_its_moment'),
        ),
        migrations.AddConstraint(
            model_name='stocktakeline',
            constraint=models.CheckConstraint(condition=models.Q(('counted_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('counted_at__lt', datetime.datetime(3000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='inventory_stocktakeline_counted_at_in_bounds', violation_error_message='A moment lies between 1970-01-01 and 3000-01-01.'),
        ),
        migrations.AddIndex(
            model_name='transfer',
            index=models.Index(fields=['status', 'id'], name='inventory_transfer_status'),
        ),
        migrations.AddIndex(
            model_name='transfer',
            index=models.Index(fields=['reference'], name='inventory_transfer_reference', opclasses=['text_pattern_ops']),
        ),
        migrations.AddConstraint(
            model_name='transfer',
            constraint=models.CheckConstraint(condition=models.Q(('source', models.F('target')), _negated=True), name='inventory_transfer_goes_somewhere'),
        ),
        migrations.AddConstraint(
            model_name='transfer',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'in_transit', 'received', 'cancelled'])), name='inventory_transfer_status_known'),
        ),
        migrations.AddConstraint(
            model_name='transfer',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('shipped_at__isnull', True), ('status', 'draft')), models.Q(('closed_at__isnull', True), ('shipped_at__isnull', False), ('status', 'in_transit')), models.Q(('closed_at__isnull', False), ('shipped_at__isnull', False), ('status', 'received')), models.Q(('closed_at__isnull', False), ('status', 'cancelled')), _connector='OR'), name='inventory_transfer_moments_fit_its_status'),
        ),
        migrations.AddIndex(
            model_name='transferline',
            index=models.Index(condition=models.Q(('in_transit__gt', 0)), fields=['target_level'], include=('in_transit',), name='inventory_transferline_coming'),
        ),
        migrations.AddConstraint(
            model_name='transferline',
            constraint=models.UniqueConstraint(fields=('transfer', 'variant'), name='inventory_transferline_variant_once'),
        ),
        migrations.AddConstraint(
            model_name='transferline',
            constraint=models.CheckConstraint(condition=models.Q(('in_transit__gte', 0), ('lost__gte', 0), ('quantity__gt', 0), ('received__gte', 0), ('quantity__gte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('in_transit'), '+', models.F('received')), '+', models.F('lost')))), name='inventory_transferline_adds_up'),
        ),
        migrations.AddConstraint(
            model_name='transferline',
            constraint=models.CheckConstraint(condition=models.Q(('in_transit', 0), ('target_level__isnull', False), _connector='OR'), name='inventory_transferline_comes_to_a_level'),
        ),
        run_sql_file(__file__, "storage"),
    ]
