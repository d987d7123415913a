from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('pms_integration', "0007_moments_have_bounds"),
    ]

    operations = [
        migrations.AddField(
            model_name='pmsevent',
            name='has_body',
            field=models.BooleanField(db_default=True, default=True, editable=False),
        ),
        migrations.AddIndex(
            model_name='pmsevent',
            index=models.Index(condition=models.Q(('has_body', True), ('status__in', ['processed', 'ignored'])), fields=['processed_at'], name='pms_event_with_body'),
        ),
    ]
