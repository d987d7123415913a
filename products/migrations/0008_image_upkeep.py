import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('products', '0007_indexes_of_lists'),
    ]

    operations = [
        migrations.CreateModel(
            name='ImageUpload',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(editable=False, max_length=32, unique=True)),
                ('identity', models.CharField(editable=False, max_length=255)),
                ('name', models.CharField(editable=False, max_length=255)),
                ('size_bytes', models.PositiveIntegerField(editable=False)),
                ('expires_at', models.DateTimeField(editable=False)),
                ('used_at', models.DateTimeField(editable=False, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
        ),
        migrations.RemoveIndex(
            model_name='productimage',
            name='products_image_to_fetch',
        ),
        migrations.AddField(
            model_name='imagefile',
            name='thumbnail_attempts',
            field=models.PositiveIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='imagefile',
            name='thumbnail_due_at',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, null=True),
        ),
        migrations.AddField(
            model_name='imagefile',
            name='unused_since',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='productimage',
            name='claimed_until',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name='imagefile',
            index=models.Index(condition=models.Q(('thumbnail_due_at__isnull', False)), fields=['thumbnail_due_at'], name='products_imagefile_no_thumb'),
        ),
        migrations.AddIndex(
            model_name='imagefile',
            index=models.Index(condition=models.Q(('unused_since__isnull', False)), fields=['unused_since'], name='products_imagefile_unused'),
        ),
        migrations.AddIndex(
            model_name='productimage',
            index=models.Index(models.OrderBy(models.F('next_attempt_at'), nulls_first=True), models.F('id'), condition=models.Q(('status', 'pending')), name='products_image_to_fetch'),
        ),
        migrations.AddIndex(
            model_name='productimage',
            index=models.Index(condition=models.Q(('claimed_until__isnull', False)), fields=['claimed_until'], name='products_image_claimed'),
        ),
        migrations.AddConstraint(
            model_name='imagefile',
            constraint=models.CheckConstraint(condition=models.Q(('file', ''), _negated=True), name='products_imagefile_has_a_file'),
        ),
        migrations.AddConstraint(
            model_name='imagefile',
            constraint=models.CheckConstraint(condition=models.Q(('height__gt', 0), ('width__gt', 0)), name='products_imagefile_has_pixels'),
        ),
        migrations.AddConstraint(
            model_name='productimage',
            constraint=models.UniqueConstraint(condition=models.Q(('source_url', '')), fields=('product', 'image_file'), name='products_productimage_upload_once'),
        ),
        migrations.AddIndex(
            model_name='imageupload',
            index=models.Index(fields=['expires_at'], name='products_upload_expires'),
        ),
    ]
