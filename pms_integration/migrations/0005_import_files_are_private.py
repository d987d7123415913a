from django.db import migrations, models

import pms_integration.files.storage


class Migration(migrations.Migration):

    dependencies = [
        ('pms_integration', '0004_imports_know_their_client'),
    ]

    operations = [
        migrations.AlterField(
            model_name='importjob',
            name='file',
            field=models.FileField(blank=True, max_length=255, storage=pms_integration.files.storage.private_files, upload_to=''),
        ),
    ]
