import datetime
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SocketTicket',
            fields=[
                ('digest', models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ('caller', models.JSONField()),
                ('expires_at', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='ApiClient',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=8, unique=True, verbose_name='id')),
                ('name', models.CharField(max_length=50, verbose_name='name')),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None)),
                ('tier', models.CharField(default='default', max_length=40, verbose_name='tier')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='expires')),
                ('revoked_at', models.DateTimeField(editable=False, null=True, verbose_name='revoked')),
                ('last_used_at', models.DateTimeField(editable=False, null=True, verbose_name='last used')),
                ('last_request', models.CharField(blank=True, db_default='', editable=False, max_length=200, verbose_name='last request')),
                ('last_address', models.CharField(blank=True, db_default='', editable=False, max_length=45)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created')),
            ],
            options={
                'verbose_name': 'API client',
                'verbose_name_plural': 'API clients',
                'ordering': ('-id',),
                'constraints': [models.CheckConstraint(condition=models.Q(('expires_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('expires_at__lt', datetime.datetime(3000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='access_apiclient_expires_at_in_bounds', violation_error_message='A moment lies between 1970-01-01 and 3000-01-01.')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.CharField(editable=False, max_length=150, primary_key=True, serialize=False, unique=True)),
                ('prefix', models.CharField(editable=False, max_length=8, unique=True)),
                ('hashed_key', models.CharField(editable=False, max_length=150)),
                ('created', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('revoked', models.BooleanField(blank=True, default=False, help_text='If the API key is revoked, clients cannot use it anymore. (This cannot be undone.)')),
                ('expiry_date', models.DateTimeField(blank=True, help_text='Once API key expires, clients cannot use it anymore.', null=True, verbose_name='Expires')),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='keys', to='access.apiclient')),
            ],
            options={
                'verbose_name': 'API key',
                'verbose_name_plural': 'API keys',
                'ordering': ('-created',),
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('action', models.CharField(max_length=60)),
                ('subject', models.CharField(max_length=400)),
                ('name', models.CharField(blank=True, max_length=400)),
                ('actor', models.CharField(max_length=150)),
                ('door', models.CharField(choices=[('admin', 'Admin'), ('api', 'API'), ('pms', 'PMS'), ('import', 'Import'), ('schedule', 'Schedule'), ('command', 'Command'), ('system', 'System')], default='system', max_length=10, verbose_name='through')),
                ('request_id', models.CharField(blank=True, max_length=128)),
                ('occurred_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('changes', models.JSONField(default=list)),
                ('detail', models.JSONField(default=dict)),
            ],
            options={
                'verbose_name': 'audit entry',
                'verbose_name_plural': 'audit log',
                'ordering': ('-id',),
                'indexes': [models.Index(fields=['actor', '-id'], name='access_auditentry_actor', opclasses=['text_pattern_ops', 'int8_ops']), models.Index(fields=['subject', '-id'], name='access_auditentry_subject', opclasses=['text_pattern_ops', 'int8_ops']), models.Index(fields=['action'], name='access_auditentry_action', opclasses=['text_pattern_ops']), models.Index(fields=['door', '-id'], name='access_auditentry_door'), models.Index(fields=['request_id'], name='access_auditentry_request')],
                'constraints': [models.CheckConstraint(condition=models.Q(('door__in', ['admin', 'api', 'pms', 'import', 'schedule', 'command', 'system'])), name='access_auditentry_door_known')],
            },
        ),
        migrations.CreateModel(
            name='SigningKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key_id', models.CharField(max_length=40, unique=True)),
                ('secret', models.TextField()),
                ('expiry_date', models.DateTimeField(null=True)),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='signing_keys', to='access.apiclient')),
            ],
            options={
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='SignatureNonce',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('nonce', models.CharField(max_length=255)),
                ('used_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True)),
                ('signing_key', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='access.signingkey')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('signing_key', 'nonce'), name='access_signaturenonce_used_once')],
            },
        ),
        migrations.CreateModel(
            name='SupabaseUser',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(max_length=128)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='supabase', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('subject',), name='access_supabaseuser_one_per_subject')],
            },
        ),
    ]
