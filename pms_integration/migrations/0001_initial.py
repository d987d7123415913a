import datetime
import django.contrib.postgres.fields
import django.contrib.postgres.functions
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('inventory', '0001_initial'),
        ('products', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='ImportJob',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('format', models.CharField(choices=[('csv', 'CSV'), ('jsonl', 'JSON Lines')], max_length=5, verbose_name='format')),
                ('file', models.FileField(blank=True, max_length=255, upload_to='')),
                ('file_name', models.CharField(max_length=255, verbose_name='file')),
                ('size_bytes', models.BigIntegerField(verbose_name='size')),
                ('dry_run', models.BooleanField(default=False, verbose_name='preview')),
                ('sets_stock', models.BooleanField(default=False)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('running', 'Running'), ('finished', 'Finished'), ('failed', 'Failed')], default='pending', max_length=8, verbose_name='status')),
                ('processed', models.PositiveIntegerField(default=0)),
                ('total', models.PositiveIntegerField(null=True)),
                ('created', models.PositiveIntegerField(default=0, verbose_name='created')),
                ('updated', models.PositiveIntegerField(default=0, verbose_name='changed')),
                ('unchanged', models.PositiveIntegerField(default=0, verbose_name='left alone')),
                ('failed', models.PositiveIntegerField(default=0, verbose_name='refused')),
                ('error_count', models.PositiveIntegerField(default=0)),
                ('warning_count', models.PositiveIntegerField(default=0)),
                ('error', models.CharField(blank=True, max_length=1000)),
                ('offset', models.BigIntegerField(default=0)),
                ('line', models.PositiveIntegerField(default=1)),
                ('planned_categories', models.JSONField(default=dict)),
                ('actor', models.CharField(max_length=150, verbose_name='by')),
                ('client', models.CharField(blank=True, db_default='', default='', editable=False, max_length=150)),
                ('request_id', models.CharField(blank=True, max_length=128, verbose_name='request id')),
                ('claims', models.PositiveIntegerField(default=0)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('lease_until', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='sent')),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('location', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='imports', to='inventory.location', verbose_name='location')),
                ('preview', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='imports', to='pms_integration.importjob')),
            ],
            options={
                'verbose_name': 'import',
                'verbose_name_plural': 'imports',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='ImportProblem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_warning', models.BooleanField(default=False)),
                ('line', models.PositiveIntegerField()),
                ('column', models.CharField(blank=True, max_length=100)),
                ('code', models.CharField(max_length=50)),
                ('detail', models.CharField(max_length=500)),
                ('block_offset', models.BigIntegerField(default=0)),
                ('block_end', models.BigIntegerField(default=0)),
                ('block_line', models.PositiveIntegerField(default=1)),
                ('job', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='problems', to='pms_integration.importjob')),
            ],
            options={
                'verbose_name': 'problem of an import',
                'verbose_name_plural': 'problems of imports',
                'ordering': ('id',),
            },
        ),
        migrations.CreateModel(
            name='ImportResult',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line', models.PositiveIntegerField()),
                ('action', models.CharField(choices=[('create', 'Creates it'), ('update', 'Changes it'), ('none', 'Leaves it alone'), ('refuse', 'Refuses it')], max_length=6)),
                ('handle', models.CharField(blank=True, max_length=255)),
                ('sku', models.CharField(blank=True, max_length=255)),
                ('changes', models.JSONField(default=list)),
                ('change_count', models.PositiveIntegerField(default=0)),
                ('job', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='results', to='pms_integration.importjob')),
                ('product', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='products.product')),
            ],
            options={
                'verbose_name': 'result of an import',
                'verbose_name_plural': 'results of imports',
                'ordering': ('id',),
            },
        ),
        migrations.CreateModel(
            name='PreviewedName',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name_hash', models.BigIntegerField()),
                ('offset', models.BigIntegerField()),
                ('line', models.PositiveIntegerField()),
                ('job', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='names', to='pms_integration.importjob')),
            ],
        ),
        migrations.CreateModel(
            name='PMSConnection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True, verbose_name='slug')),
                ('name', models.CharField(max_length=255, verbose_name='name')),
                ('kind', models.CharField(default='standard', max_length=50, verbose_name='kind')),
                ('is_active', models.BooleanField(default=True, verbose_name='is active')),
                ('is_paused', models.BooleanField(db_default=False, default=False)),
                ('secret', models.TextField()),
                ('previous_secret', models.TextField(blank=True, null=True)),
                ('previous_secret_until', models.DateTimeField(editable=False, null=True)),
                ('base_url', models.CharField(blank=True, max_length=1000, null=True, verbose_name='base URL')),
                ('credentials', models.TextField(blank=True, null=True)),
                ('circuit', models.CharField(choices=[('closed', 'closed'), ('open', 'open'), ('half_open', 'half_open')], db_default='closed', default='closed', editable=False, max_length=9)),
                ('failures', models.PositiveSmallIntegerField(db_default=0, default=0, editable=False)),
                ('next_try_at', models.DateTimeField(editable=False, null=True)),
                ('last_contact_at', models.DateTimeField(editable=False, null=True, verbose_name='last contact at')),
                ('clock_offset', models.DurationField(db_default=datetime.timedelta(0), default=datetime.timedelta(0), editable=False, verbose_name='clock offset')),
                ('last_error', models.CharField(blank=True, db_default='', editable=False, max_length=1000)),
                ('sync_every_seconds', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(60)])),
                ('content_owner', models.CharField(choices=[('pms', 'Pms'), ('local', 'Local'), ('shared', 'Shared')], db_default='pms', default='pms', editable=False, max_length=6)),
                ('price_owner', models.CharField(choices=[('pms', 'Pms'), ('local', 'Local'), ('shared', 'Shared')], db_default='pms', default='pms', editable=False, max_length=6)),
                ('publication_owner', models.CharField(choices=[('pms', 'Pms'), ('local', 'Local'), ('shared', 'Shared')], db_default='pms', default='pms', editable=False, max_length=6)),
                ('publish_mode', models.CharField(choices=[('manual', 'Manual'), ('all', 'All')], db_default='manual', default='manual', editable=False, max_length=6)),
                ('publish_categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=255), db_default=[], default=list, editable=False, size=None)),
                ('publish_tags', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), db_default=[], default=list, editable=False, size=None)),
                ('publish_brands', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=255), db_default=[], default=list, editable=False, size=None)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created at')),
            ],
            options={
                'verbose_name': 'PMS connection', 'verbose_name_plural': 'PMS connections',
                'ordering': ('slug',),
                'constraints': [models.CheckConstraint(condition=models.Q(('circuit__in', ['closed', 'open', 'half_open'])), name='pms_connection_circuit_known'), models.CheckConstraint(condition=models.Q(('circuit', 'closed'), ('next_try_at__isnull', False), _connector='OR'), name='pms_connection_open_until_a_moment'), models.CheckConstraint(condition=models.Q(('clock_offset__gte', datetime.timedelta(days=-1)), ('clock_offset__lte', datetime.timedelta(days=1))), name='pms_connection_clock_offset_in_bounds'), models.CheckConstraint(condition=models.Q(models.Q(('previous_secret__isnull', True), ('previous_secret_until__isnull', True)), models.Q(('previous_secret__isnull', False), ('previous_secret_until__isnull', False)), _connector='OR'), name='pms_connection_previous_secret_ends'), models.CheckConstraint(condition=models.Q(('content_owner__in', ['pms', 'local', 'shared']), ('price_owner__in', ['pms', 'local', 'shared']), ('publication_owner__in', ['pms', 'local', 'shared'])), name='pms_connection_owners_known'), models.CheckConstraint(condition=models.Q(('publish_mode__in', ['manual', 'all'])), name='pms_connection_publish_mode_known'), models.CheckConstraint(condition=models.Q(('sync_every_seconds__isnull', True), ('sync_every_seconds__gte', 60), _connector='OR'), name='pms_connection_sync_interval')],
            },
        ),
        migrations.CreateModel(
            name='PMSCategory',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_name', models.CharField(max_length=255, verbose_name='name in the PMS')),
                ('category', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pms_categories', to='products.category', verbose_name='category')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='categories', to='pms_integration.pmsconnection')),
            ],
            options={
                'verbose_name': 'PMS category',
                'verbose_name_plural': 'PMS categories',
                'ordering': ('external_name',),
            },
        ),
        migrations.CreateModel(
            name='PMSEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('webhook_id', models.CharField(max_length=255, verbose_name='webhook id')),
                ('type', models.CharField(blank=True, max_length=100, verbose_name='type')),
                ('headers', models.JSONField(default=dict)),
                ('body', models.BinaryField()),
                ('has_body', models.BooleanField(db_default=True, default=True, editable=False)),
                ('status', models.CharField(choices=[('received', 'Received'), ('processing', 'Processing'), ('processed', 'Processed'), ('ignored', 'Ignored'), ('deferred', 'Deferred'), ('failed', 'Failed'), ('dead', 'Dead')], db_default='received', default='received', max_length=10, verbose_name='status')),
                ('reason', models.CharField(blank=True, db_default='', max_length=1000)),
                ('attempts', models.PositiveIntegerField(db_default=0, default=0, verbose_name='attempts')),
                ('failures', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('crashes', models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='crashes')),
                ('failed_by_us', models.BooleanField(db_default=False, default=False)),
                ('waits_for_sku_key', models.CharField(blank=True, db_default='', max_length=2600)),
                ('waits_for_external_id', models.CharField(blank=True, db_default='', max_length=255)),
                ('received_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='received at')),
                ('processed_at', models.DateTimeField(null=True, verbose_name='processed at')),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True, verbose_name='due at')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='pms_integration.pmsconnection', verbose_name='connection')),
            ],
            options={
                'verbose_name': 'PMS event', 'verbose_name_plural': 'PMS events',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='PMSLocation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(max_length=255, verbose_name='external id')),
                ('owns_stock', models.BooleanField(default=False, help_text="Whether the PMS's figures are the truth here.", verbose_name='owns stock')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='locations', to='pms_integration.pmsconnection')),
                ('location', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pms_locations', to='inventory.location', verbose_name='location')),
            ],
            options={
                'verbose_name': 'PMS location', 'verbose_name_plural': 'PMS locations',
            },
        ),
        migrations.CreateModel(
            name='PMSProduct',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(max_length=255, null=True, verbose_name='external id')),
                ('version', models.BigIntegerField(null=True, verbose_name='version')),
                ('digest', models.CharField(blank=True, max_length=64)),
                ('reason', models.CharField(blank=True, max_length=1000)),
                ('match_problem', models.CharField(blank=True, db_default='', max_length=1000)),
                ('payload', models.JSONField(default=dict, verbose_name='payload')),
                ('reported', models.JSONField(db_default={}, default=dict)),
                ('agreed', models.JSONField(db_default={}, default=dict)),
                ('conflict', models.JSONField(db_default={}, default=dict)),
                ('is_deleted', models.BooleanField(default=False, verbose_name='is deleted')),
                ('missed_lists', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='updated at')),
                ('pushed_at', models.DateTimeField(null=True, verbose_name='pushed at')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='products', to='pms_integration.pmsconnection', verbose_name='connection')),
                ('product', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pms_products', to='products.product', verbose_name='product')),
            ],
            options={
                'verbose_name': 'PMS product', 'verbose_name_plural': 'PMS products',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='PMSProductPush',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('requested_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='requested at')),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True, verbose_name='due at')),
                ('leased_until', models.DateTimeField(null=True)),
                ('failures', models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='failures')),
                ('error', models.CharField(blank=True, db_default='', max_length=1000, verbose_name='error')),
                ('idempotency_key', models.UUIDField(editable=False, null=True, unique=True, verbose_name='idempotency key')),
                ('payload', models.JSONField(null=True)),
                ('creates', models.BooleanField(db_default=False, default=False)),
                ('version', models.BigIntegerField(null=True)),
                ('sent', models.JSONField(db_default={}, default=dict)),
                ('attempts', models.PositiveIntegerField(db_default=0, default=0, verbose_name='attempts')),
                ('pms_product', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='push', to='pms_integration.pmsproduct')),
            ],
            options={
                'verbose_name': 'product push',
                'verbose_name_plural': 'product pushes',
                'ordering': ('due_at', 'id'),
            },
        ),
        migrations.CreateModel(
            name='PMSRefetch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('resource', models.CharField(choices=[('product', 'product'), ('stock', 'stock')], max_length=20)),
                ('external_id', models.CharField(max_length=255)),
                ('requested_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('leased_until', models.DateTimeField(null=True)),
                ('failures', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('corrects', models.BooleanField(db_default=False, default=False)),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='refetches', to='pms_integration.pmsconnection')),
            ],
            options={
                'verbose_name': 'PMS refetch',
                'verbose_name_plural': 'PMS refetches',
                'ordering': ('id',),
            },
        ),
        migrations.CreateModel(
            name='PMSStock',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on_hand', models.BigIntegerField(verbose_name='on hand')),
                ('reported_at', models.DateTimeField(verbose_name='reported at')),
                ('version', models.BigIntegerField(null=True, verbose_name='version')),
                ('webhook_id', models.CharField(blank=True, db_default='', max_length=255, verbose_name='webhook id')),
                ('pulled_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('included_until', models.DateTimeField(null=True)),
                ('before_count_at', models.DateTimeField(null=True)),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='stock', to='pms_integration.pmsconnection', verbose_name='connection')),
                ('location', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pms_stock', to='inventory.location', verbose_name='location')),
                ('variant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pms_stock', to='products.variant', verbose_name='variant')),
            ],
            options={
                'verbose_name': 'PMS stock',
                'verbose_name_plural': 'PMS stock',
            },
        ),
        migrations.CreateModel(
            name='PMSStockPush',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('idempotency_key', models.UUIDField(db_default=django.contrib.postgres.functions.RandomUUID(), editable=False, unique=True, verbose_name='idempotency key')),
                ('delta', models.BigIntegerField()),
                ('reason', models.CharField(choices=[('receipt', 'Receipt'), ('sale', 'Sale'), ('return', 'Return'), ('correction', 'Correction'), ('damage', 'Damage'), ('count', 'Count'), ('transfer_out', 'Transfer out'), ('transfer_in', 'Transfer in')], max_length=12, verbose_name='reason')),
                ('reference', models.CharField(blank=True, max_length=255, verbose_name='reference')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred at')),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('acknowledged', 'Acknowledged'), ('rejected', 'Rejected')], default='pending', max_length=12, verbose_name='status')),
                ('sku', models.CharField(blank=True, db_default='', max_length=255, verbose_name='SKU')),
                ('location_name', models.CharField(blank=True, db_default='', max_length=255, verbose_name='location name')),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='due at')),
                ('failures', models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='failures')),
                ('acknowledged_at', models.DateTimeField(null=True, verbose_name='acknowledged at')),
                ('error', models.CharField(blank=True, db_default='', max_length=1000, verbose_name='error')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='created at')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='stock_pushes', to='pms_integration.pmsconnection', verbose_name='connection')),
                ('level', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='pms_pushes', to='inventory.stocklevel', verbose_name='level')),
                ('movement', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='pms_pushes', to='inventory.stockmovement')),
            ],
            options={
                'verbose_name': 'stock push',
                'verbose_name_plural': 'stock pushes',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='PMSVariant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(max_length=255, verbose_name='external id')),
                ('other_ids', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=255), default=list, size=None, verbose_name='other ids')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='variants', to='pms_integration.pmsconnection', verbose_name='connection')),
                ('variant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pms_variants', to='products.variant', verbose_name='variant')),
            ],
            options={
                'verbose_name': 'PMS variant', 'verbose_name_plural': 'PMS variants',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='SyncRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mode', models.CharField(choices=[('full', 'Full'), ('incremental', 'Incremental')], max_length=11)),
                ('resources', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('products', 'Products'), ('stock', 'Stock')], max_length=8), size=None)),
                ('dry_run', models.BooleanField(default=False, verbose_name='dry run')),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('running', 'Running'), ('held', 'Held'), ('finished', 'Finished'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='pending', max_length=9, verbose_name='status')),
                ('stage', models.CharField(choices=[('listing', 'Listing'), ('checking', 'Checking'), ('applying', 'Applying')], default='listing', max_length=8)),
                ('listing', models.CharField(blank=True, max_length=8)),
                ('cursor', models.TextField(null=True)),
                ('repeated_pages', models.PositiveSmallIntegerField(default=0)),
                ('position', models.BigIntegerField(default=0)),
                ('watermarks', models.JSONField(default=dict)),
                ('processed', models.PositiveIntegerField(default=0)),
                ('total', models.PositiveIntegerField(null=True)),
                ('created', models.PositiveIntegerField(default=0, verbose_name='created')),
                ('updated', models.PositiveIntegerField(default=0, verbose_name='updated')),
                ('unchanged', models.PositiveIntegerField(default=0)),
                ('failed', models.PositiveIntegerField(default=0, verbose_name='failed')),
                ('archived', models.PositiveIntegerField(default=0, verbose_name='archived')),
                ('held_because', models.CharField(blank=True, max_length=1000)),
                ('is_confirmed', models.BooleanField(default=False)),
                ('errors', models.JSONField(default=list)),
                ('actor', models.CharField(max_length=150, verbose_name='actor')),
                ('door', models.CharField(choices=[('admin', 'Admin'), ('api', 'API'), ('pms', 'PMS'), ('import', 'Import'), ('schedule', 'Schedule'), ('command', 'Command'), ('system', 'System')], default='system', max_length=10)),
                ('request_id', models.CharField(blank=True, max_length=128, verbose_name='request id')),
                ('claims', models.PositiveIntegerField(default=0)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('announced_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='created at')),
                ('started_at', models.DateTimeField(null=True, verbose_name='started at')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished at')),
                ('connection', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='sync_runs', to='pms_integration.pmsconnection', verbose_name='connection')),
            ],
            options={
                'verbose_name': 'sync run', 'verbose_name_plural': 'sync runs',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='SyncReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('resource', models.CharField(choices=[('products', 'Products'), ('stock', 'Stock')], max_length=8)),
                ('key', models.CharField(max_length=64)),
                ('report', models.JSONField()),
                ('is_reduction', models.BooleanField(default=False)),
                ('received_at', models.DateTimeField()),
                ('pulled_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='reports', to='pms_integration.syncrun')),
            ],
        ),
        migrations.CreateModel(
            name='SyncDifference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('resource', models.CharField(choices=[('products', 'Products'), ('stock', 'Stock')], max_length=8, verbose_name='resource')),
                ('external_id', models.CharField(blank=True, max_length=255, verbose_name='external id')),
                ('sku', models.CharField(blank=True, max_length=255)),
                ('field', models.CharField(blank=True, max_length=500)),
                ('pms', models.JSONField(null=True)),
                ('local', models.JSONField(null=True)),
                ('action', models.CharField(choices=[('take_pms', "Takes the PMS's value"), ('push_local', 'Pushes our value'), ('conflict', 'Conflict: changes nothing'), ('link', 'Links the products'), ('create_here', 'Creates it here'), ('create_there', 'Creates it in the PMS'), ('archive', 'Archives it here'), ('ambiguous', 'Ambiguous: changes nothing'), ('only_here', 'Only here: changes nothing'), ('none', 'Nothing: the stock is ours here')], max_length=12, verbose_name='action')),
                ('detail', models.CharField(blank=True, max_length=1000, verbose_name='detail')),
                ('product', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='products.product', verbose_name='product')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='differences', to='pms_integration.syncrun', verbose_name='run')),
            ],
            options={
                'verbose_name': 'difference', 'verbose_name_plural': 'differences',
                'ordering': ('id',),
            },
        ),
        migrations.AddIndex(
            model_name='importjob',
            index=models.Index(condition=models.Q(('status__in', ['pending', 'running'])), fields=['lease_until', 'id'], name='import_job_due'),
        ),
        migrations.AddIndex(
            model_name='importjob',
            index=models.Index(condition=models.Q(('file', ''), _negated=True), fields=['finished_at'], name='import_job_with_file'),
        ),
        migrations.AddConstraint(
            model_name='importjob',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['pending', 'running', 'finished'])), fields=('preview',), name='import_job_once_a_preview'),
        ),
        migrations.AddConstraint(
            model_name='importjob',
            constraint=models.CheckConstraint(condition=models.Q(('dry_run', False), ('preview', None), _connector='OR'), name='import_job_preview_of_no_preview'),
        ),
        migrations.AddConstraint(
            model_name='importjob',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['pending', 'running', 'finished', 'failed'])), name='import_job_status_known'),
        ),
        migrations.AddConstraint(
            model_name='importjob',
            constraint=models.CheckConstraint(condition=models.Q(('format__in', ['csv', 'jsonl'])), name='import_job_format_known'),
        ),
        migrations.AddConstraint(
            model_name='importjob',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('status__in', ['pending', 'running'])), models.Q(('finished_at__isnull', False), ('status__in', ['finished', 'failed'])), _connector='OR'), name='import_job_finished_at_when_it_is'),
        ),
        migrations.AddConstraint(
            model_name='importjob',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'failed'), _negated=True), models.Q(('error', ''), _negated=True), _connector='OR'), name='import_job_failed_says_why'),
        ),
        migrations.AddIndex(
            model_name='importproblem',
            index=models.Index(fields=['job', 'is_warning', 'id'], name='import_problem_of_job'),
        ),
        migrations.AddIndex(
            model_name='importresult',
            index=models.Index(fields=['job', 'id'], name='import_result_of_job'),
        ),
        migrations.AddIndex(
            model_name='importresult',
            index=models.Index(fields=['job', 'action', 'id'], name='import_result_of_action'),
        ),
        migrations.AddConstraint(
            model_name='importresult',
            constraint=models.UniqueConstraint(fields=('job', 'line'), name='import_result_once_a_line'),
        ),
        migrations.AddConstraint(
            model_name='importresult',
            constraint=models.CheckConstraint(condition=models.Q(('action__in', ['create', 'update', 'none', 'refuse'])), name='import_result_action_known'),
        ),
        migrations.AddIndex(
            model_name='previewedname',
            index=models.Index(fields=['job', 'name_hash'], name='previewed_name_of_job'),
        ),
        migrations.AddConstraint(
            model_name='pmscategory',
            constraint=models.UniqueConstraint(fields=('connection', 'external_name'), name='pms_category_name_once'),
        ),
        migrations.AddConstraint(
            model_name='pmscategory',
            constraint=models.UniqueConstraint(fields=('connection', 'category'), name='pms_category_mapped_once'),
        ),
        migrations.AddIndex(
            model_name='pmsevent',
            index=models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at', 'id'], name='pms_event_due'),
        ),
        migrations.AddIndex(
            model_name='pmsevent',
            index=models.Index(fields=['status', 'id'], name='pms_event_status'),
        ),
        migrations.AddIndex(
            model_name='pmsevent',
            index=models.Index(condition=models.Q(('has_body', True), ('status__in', ['processed', 'ignored'])), fields=['processed_at'], name='pms_event_with_body'),
        ),
        migrations.AddIndex(
            model_name='pmsevent',
            index=models.Index(condition=models.Q(('status', 'deferred')), fields=['due_at'], name='pms_event_deferred'),
        ),
        migrations.AddIndex(
            model_name='pmsevent',
            index=models.Index(condition=models.Q(('failed_by_us', True), ('status', 'failed')), fields=['due_at'], name='pms_event_failed_by_us'),
        ),
        migrations.AddConstraint(
            model_name='pmsevent',
            constraint=models.UniqueConstraint(fields=('connection', 'webhook_id'), name='pms_event_once'),
        ),
        migrations.AddConstraint(
            model_name='pmsevent',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['received', 'processing', 'processed', 'ignored', 'deferred', 'failed', 'dead'])), name='pms_event_status_known'),
        ),
        migrations.AddConstraint(
            model_name='pmsevent',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('due_at__isnull', True), ('status__in', ['processed', 'ignored', 'dead'])), models.Q(('due_at__isnull', False), ('status__in', ['received', 'processing', 'deferred', 'failed'])), _connector='OR'), name='pms_event_due_while_unfinished'),
        ),
        migrations.AddConstraint(
            model_name='pmslocation',
            constraint=models.UniqueConstraint(fields=('connection', 'external_id'), name='pms_location_external_id_unique'),
        ),
        migrations.AddConstraint(
            model_name='pmslocation',
            constraint=models.UniqueConstraint(fields=('connection', 'location'), name='pms_location_mapped_once'),
        ),
        migrations.AddConstraint(
            model_name='pmslocation',
            constraint=models.UniqueConstraint(condition=models.Q(('owns_stock', True)), fields=('location',), name='pms_location_one_owner'),
        ),
        migrations.AddIndex(
            model_name='pmsproduct',
            index=models.Index(condition=models.Q(models.Q(('match_problem', ''), _negated=True), models.Q(('conflict', {}), _negated=True), _connector='OR'), fields=['id'], name='pms_product_in_conflict'),
        ),
        migrations.AddConstraint(
            model_name='pmsproduct',
            constraint=models.CheckConstraint(condition=models.Q(('external_id__isnull', False), ('product__isnull', False), _connector='OR'), name='pms_product_is_there_or_here'),
        ),
        migrations.AddConstraint(
            model_name='pmsproduct',
            constraint=models.UniqueConstraint(fields=('connection', 'external_id'), name='pms_product_once'),
        ),
        migrations.AddConstraint(
            model_name='pmsproduct',
            constraint=models.UniqueConstraint(condition=models.Q(('product__isnull', False)), fields=('connection', 'product'), name='pms_product_of_one_product'),
        ),
        migrations.AddIndex(
            model_name='pmsproductpush',
            index=models.Index(fields=['due_at', 'id'], name='pms_product_push_due'),
        ),
        migrations.AddIndex(
            model_name='pmsproductpush',
            index=models.Index(fields=['leased_until'], name='pms_product_push_leased'),
        ),
        migrations.AddConstraint(
            model_name='pmsproductpush',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('idempotency_key__isnull', True), ('payload__isnull', True), ('sent', {})), models.Q(('idempotency_key__isnull', False), ('payload__isnull', False)), _connector='OR'), name='pms_product_push_request_with_its_key'),
        ),
        migrations.AddConstraint(
            model_name='pmsproductpush',
            constraint=models.CheckConstraint(condition=models.Q(('due_at__isnull', False), models.Q(('error', ''), _negated=True), _connector='OR'), name='pms_product_push_refused_says_why'),
        ),
        migrations.AddIndex(
            model_name='pmsrefetch',
            index=models.Index(fields=['connection', 'due_at', 'id'], name='pms_refetch_due'),
        ),
        migrations.AddIndex(
            model_name='pmsrefetch',
            index=models.Index(condition=models.Q(('leased_until__isnull', False)), fields=['connection'], name='pms_refetch_leased'),
        ),
        migrations.AddConstraint(
            model_name='pmsrefetch',
            constraint=models.UniqueConstraint(fields=('connection', 'resource', 'external_id'), name='pms_refetch_once'),
        ),
        migrations.AddConstraint(
            model_name='pmsrefetch',
            constraint=models.CheckConstraint(condition=models.Q(('resource__in', ['product', 'stock'])), name='pms_refetch_resource_known'),
        ),
        migrations.AddConstraint(
            model_name='pmsstock',
            constraint=models.UniqueConstraint(fields=('connection', 'variant', 'location'), name='pms_stock_once'),
        ),
        migrations.AddConstraint(
            model_name='pmsstock',
            constraint=models.CheckConstraint(condition=models.Q(('reported_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('reported_at__lt', datetime.datetime(3000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='pms_integration_pmsstock_reported_at_in_bounds', violation_error_message='A moment lies between 1970-01-01 and 3000-01-01.'),
        ),
        migrations.AddConstraint(
            model_name='pmsstock',
            constraint=models.CheckConstraint(condition=models.Q(('included_until', None), ('included_until__lte', models.F('reported_at')), _connector='OR'), name='pms_stock_included_until_a_figure'),
        ),
        migrations.AddConstraint(
            model_name='pmsstock',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('pulled_at__isnull', False), ('webhook_id', '')), models.Q(('pulled_at__isnull', True), models.Q(('webhook_id', ''), _negated=True)), _connector='OR'), name='pms_stock_of_a_webhook_or_pulled'),
        ),
        migrations.AddIndex(
            model_name='pmsstockpush',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['connection', 'due_at', 'id'], name='pms_push_due'),
        ),
        migrations.AddIndex(
            model_name='pmsstockpush',
            index=models.Index(fields=['connection', 'level', 'acknowledged_at'], name='pms_push_acknowledged'),
        ),
        migrations.AddConstraint(
            model_name='pmsstockpush',
            constraint=models.UniqueConstraint(fields=('movement', 'connection'), name='pms_push_of_a_movement_once'),
        ),
        migrations.AddConstraint(
            model_name='pmsstockpush',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['pending', 'acknowledged', 'rejected'])), name='pms_push_status_known'),
        ),
        migrations.AddConstraint(
            model_name='pmsstockpush',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('acknowledged_at__isnull', False), ('status', 'acknowledged')), models.Q(models.Q(('status', 'acknowledged'), _negated=True), ('acknowledged_at__isnull', True)), _connector='OR'), name='pms_push_acknowledged_with_its_moment'),
        ),
        migrations.AddConstraint(
            model_name='pmsstockpush',
            constraint=models.CheckConstraint(condition=models.Q(('delta', 0), _negated=True), name='pms_push_changes_something'),
        ),
        migrations.AddConstraint(
            model_name='pmsstockpush',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'rejected'), _negated=True), models.Q(('error', ''), _negated=True), _connector='OR'), name='pms_push_rejected_says_why'),
        ),
        migrations.AddConstraint(
            model_name='pmsstockpush',
            constraint=models.CheckConstraint(condition=models.Q(('acknowledged_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('acknowledged_at__lt', datetime.datetime(3000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='pms_integration_pmsstockpush_acknowledged_at_in_bounds', violation_error_message='A moment lies between 1970-01-01 and 3000-01-01.'),
        ),
        migrations.AddIndex(
            model_name='pmsvariant',
            index=django.contrib.postgres.indexes.GinIndex(fields=['other_ids'], name='pms_variant_other_ids'),
        ),
        migrations.AddConstraint(
            model_name='pmsvariant',
            constraint=models.UniqueConstraint(fields=('connection', 'external_id'), name='pms_variant_once'),
        ),
        migrations.AddIndex(
            model_name='syncrun',
            index=models.Index(fields=['connection', 'id'], name='sync_run_of_connection'),
        ),
        migrations.AddIndex(
            model_name='syncrun',
            index=models.Index(condition=models.Q(('status__in', ['pending', 'running'])), fields=['due_at', 'id'], name='sync_run_due'),
        ),
        migrations.AddIndex(
            model_name='syncrun',
            index=models.Index(condition=models.Q(('finished_at__isnull', False)), fields=['finished_at'], name='sync_run_ended'),
        ),
        migrations.AddConstraint(
            model_name='syncrun',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ('pending', 'running', 'held'))), fields=('connection',), name='sync_run_one_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='syncrun',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ['full', 'incremental'])), name='sync_run_mode_known'),
        ),
        migrations.AddConstraint(
            model_name='syncrun',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['pending', 'running', 'held', 'finished', 'failed', 'cancelled'])), name='sync_run_status_known'),
        ),
        migrations.AddConstraint(
            model_name='syncrun',
            constraint=models.CheckConstraint(condition=models.Q(('door__in', ['admin', 'api', 'pms', 'import', 'schedule', 'command', 'system'])), name='sync_run_door_known'),
        ),
        migrations.AddConstraint(
            model_name='syncrun',
            constraint=models.CheckConstraint(condition=models.Q(('stage__in', ['listing', 'checking', 'applying'])), name='sync_run_stage_known'),
        ),
        migrations.AddConstraint(
            model_name='syncrun',
            constraint=models.CheckConstraint(condition=models.Q(('resources__contained_by', ['products', 'stock']), models.Q(('resources', []), _negated=True)), name='sync_run_resources_known'),
        ),
        migrations.AddConstraint(
            model_name='syncrun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('status__in', ('pending', 'running', 'held'))), models.Q(('finished_at__isnull', False), ('status__in', ['finished', 'failed', 'cancelled'])), _connector='OR'), name='sync_run_finished_at_when_it_is'),
        ),
        migrations.AddConstraint(
            model_name='syncrun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'held'), _negated=True), models.Q(('held_because', ''), _negated=True), _connector='OR'), name='sync_run_held_says_why'),
        ),
        migrations.AddIndex(
            model_name='syncreport',
            index=models.Index(fields=['run', 'id'], name='sync_report_of_run'),
        ),
        migrations.AddConstraint(
            model_name='syncreport',
            constraint=models.UniqueConstraint(fields=('run', 'resource', 'key'), name='sync_report_once'),
        ),
        migrations.AddIndex(
            model_name='syncdifference',
            index=models.Index(fields=['run', 'id'], name='sync_difference_of_run'),
        ),
        migrations.AddConstraint(
            model_name='syncdifference',
            constraint=models.CheckConstraint(condition=models.Q(('action__in', ['take_pms', 'push_local', 'conflict', 'link', 'create_here', 'create_there', 'archive', 'ambiguous', 'only_here', 'none'])), name='sync_difference_action_known'),
        ),
    ]
