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
    ]
