from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('name', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('beat_at', models.DateTimeField()),
                ('steady_since', models.DateTimeField()),
            ],
            options={
                'verbose_name': 'heartbeat',
            },
        ),
        migrations.CreateModel(
            name='MetricIncrease',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('began_at', models.DateTimeField()),
                ('name', models.CharField(max_length=60)),
                ('labels', models.JSONField()),
                ('amount', models.BigIntegerField()),
            ],
            options={
                'verbose_name': 'metric increase',
                'constraints': [models.UniqueConstraint(fields=('began_at', 'name', 'labels'), name='operations_metricincrease_once'), models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='operations_metricincrease_amount_positive')],
            },
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40, verbose_name='name')),
                ('subject', models.CharField(blank=True, max_length=100, verbose_name='subject')),
                ('severity', models.CharField(choices=[('critical', 'Critical'), ('warning', 'Warning')], max_length=8, verbose_name='severity')),
                ('detail', models.CharField(blank=True, max_length=1000, verbose_name='detail')),
                ('began_at', models.DateTimeField(verbose_name='since')),
                ('told_at', models.DateTimeField(null=True)),
                ('resolved_at', models.DateTimeField(null=True, verbose_name='resolved at')),
            ],
            options={
                'verbose_name': 'alert',
                'verbose_name_plural': 'alerts',
                'constraints': [models.UniqueConstraint(condition=models.Q(('resolved_at', None)), fields=('name', 'subject'), name='operations_alert_open_once'), models.UniqueConstraint(fields=('name', 'subject', 'began_at'), name='operations_alert_once'), models.CheckConstraint(condition=models.Q(('severity__in', ['critical', 'warning'])), name='operations_alert_severity_known'), models.CheckConstraint(condition=models.Q(('resolved_at', None), ('resolved_at__gte', models.F('began_at')), _connector='OR'), name='operations_alert_resolved_after_it_began')],
            },
        ),
    ]
