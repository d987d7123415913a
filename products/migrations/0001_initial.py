import datetime
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.db.models.lookups
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Category',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=255, verbose_name='name')),
                ('slug', models.SlugField(allow_unicode=True, max_length=255, unique=True, verbose_name='slug')),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='products.category', verbose_name='parent')),
            ],
            options={
                'verbose_name': 'category',
                'verbose_name_plural': 'categories',
                'ordering': ('name',),
            },
        ),
        migrations.CreateModel(
            name='ImageFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sha256', models.CharField(editable=False, max_length=64, unique=True)),
                ('file', models.FileField(max_length=255, upload_to='')),
                ('thumbnail', models.FileField(blank=True, max_length=255, upload_to='')),
                ('width', models.PositiveIntegerField()),
                ('height', models.PositiveIntegerField()),
                ('size_bytes', models.PositiveIntegerField()),
                ('thumbnail_attempts', models.PositiveIntegerField(default=0, editable=False)),
                ('thumbnail_due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, null=True)),
                ('unused_since', models.DateTimeField(editable=False, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('thumbnail_due_at__isnull', False)), fields=['thumbnail_due_at'], name='products_imagefile_no_thumb'), models.Index(condition=models.Q(('unused_since__isnull', False)), fields=['unused_since'], name='products_imagefile_unused')],
                'constraints': [models.CheckConstraint(condition=models.Q(('file', ''), _negated=True), name='products_imagefile_has_a_file'), models.CheckConstraint(condition=models.Q(('height__gt', 0), ('width__gt', 0)), name='products_imagefile_has_pixels')],
            },
        ),
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
            options={
                'indexes': [models.Index(fields=['expires_at'], name='products_upload_expires')],
            },
        ),
        migrations.CreateModel(
            name='Product',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('handle', models.CharField(max_length=255, unique=True, verbose_name='handle')),
                ('name', models.CharField(max_length=255, verbose_name='name')),
                ('description', models.TextField(blank=True, max_length=524288, verbose_name='description')),
                ('brand', models.CharField(blank=True, max_length=255, verbose_name='brand')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('active', 'Active'), ('archived', 'Archived')], default='draft', max_length=10, verbose_name='status')),
                ('published_at', models.DateTimeField(blank=True, null=True, verbose_name='published at')),
                ('publish_at', models.DateTimeField(blank=True, null=True, verbose_name='publish at')),
                ('unpublish_at', models.DateTimeField(blank=True, null=True, verbose_name='unpublish at')),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, size=None, verbose_name='tags')),
                ('attributes', models.JSONField(blank=True, default=dict, verbose_name='attributes')),
                ('options', models.JSONField(blank=True, default=list, verbose_name='options')),
                ('version', models.BigIntegerField(default=1, editable=False, verbose_name='version')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='created at')),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='updated at')),
                ('search_document', django.contrib.postgres.search.SearchVectorField(editable=False, null=True)),
                ('lowest_price', models.DecimalField(decimal_places=2, editable=False, max_digits=12, null=True)),
                ('category', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='products', to='products.category', verbose_name='category')),
            ],
            options={
                'verbose_name': 'product',
                'verbose_name_plural': 'products',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='ProductImage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source_url', models.CharField(blank=True, max_length=2048)),
                ('alt', models.CharField(blank=True, max_length=512, verbose_name='alt text')),
                ('position', models.PositiveIntegerField(default=0, verbose_name='position')),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('ready', 'Ready'), ('failed', 'Failed')], default='ready', max_length=10, verbose_name='status')),
                ('attempts', models.PositiveIntegerField(default=0, editable=False)),
                ('next_attempt_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('claimed_until', models.DateTimeField(editable=False, null=True)),
                ('error', models.CharField(blank=True, editable=False, max_length=500)),
                ('listed_by', models.CharField(blank=True, editable=False, max_length=255)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('image_file', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='uses', to='products.imagefile')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='images', to='products.product', verbose_name='product')),
            ],
            options={
                'verbose_name': 'image',
                'verbose_name_plural': 'images',
                'ordering': ('product', 'position', 'id'),
            },
        ),
        migrations.CreateModel(
            name='Variant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sku', models.CharField(max_length=255, verbose_name='SKU')),
                ('sku_key', models.CharField(editable=False, max_length=2600)),
                ('barcode', models.CharField(blank=True, max_length=100, verbose_name='barcode')),
                ('name', models.CharField(blank=True, max_length=255, verbose_name='name')),
                ('price', models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='price')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('compare_at_price', models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='compare-at price')),
                ('cost', models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='cost')),
                ('weight_grams', models.PositiveIntegerField(blank=True, null=True, verbose_name='weight in grams')),
                ('options', models.JSONField(blank=True, default=dict, verbose_name='options')),
                ('position', models.PositiveIntegerField(default=0, verbose_name='position')),
                ('is_archived', models.BooleanField(default=False, editable=False, verbose_name='archived')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='variants', to='products.product', verbose_name='product')),
            ],
            options={
                'verbose_name': 'variant',
                'verbose_name_plural': 'variants',
                'ordering': ('product', 'position', 'id'),
            },
        ),
        migrations.AddConstraint(
            model_name='category',
            constraint=models.CheckConstraint(condition=models.Q(('parent', models.F('id')), _negated=True), name='products_category_not_its_own_parent'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(fields=['status', 'id'], name='products_product_status'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(fields=['brand', 'id'], name='products_product_of_brand'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=django.contrib.postgres.indexes.GinIndex(fields=['tags'], name='products_product_tags'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(condition=models.Q(('publish_at__isnull', False)), fields=['publish_at'], name='products_product_to_publish'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(condition=models.Q(('unpublish_at__isnull', False)), fields=['unpublish_at'], name='products_product_to_unpublish'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=django.contrib.postgres.indexes.GinIndex(fastupdate=False, fields=['search_document'], name='products_product_search'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(fields=['name', 'id'], name='products_product_by_name'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(fields=['updated_at', 'id'], name='products_product_by_updated'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(fields=['created_at', 'id'], name='products_product_by_created'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(django.db.models.functions.comparison.Coalesce('published_at', models.Value(datetime.datetime(9999, 12, 31, 0, 0, tzinfo=datetime.timezone.utc))), models.F('id'), name='products_product_published_up'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(django.db.models.functions.comparison.Coalesce('published_at', models.Value(datetime.datetime(1, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), models.F('id'), name='products_product_published_dn'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(django.db.models.functions.comparison.Coalesce('lowest_price', models.Value(Decimal('10000000000'))), models.F('id'), name='products_product_price_up'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(django.db.models.functions.comparison.Coalesce('lowest_price', models.Value(Decimal('-1'))), models.F('id'), name='products_product_price_down'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='products_product_has_a_name'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('handle__regex', '^[^\\sA-Z/]+$'), models.Func(models.F('handle'), output_field=models.BooleanField(), template='%(expressions)s IS NFC NORMALIZED')), name='products_product_normal_handle'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length('description'), 524288), name='products_product_description_not_too_long'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'active', 'archived'])), name='products_product_status_known'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'active'), _negated=True), ('published_at__isnull', False), _connector='OR'), name='products_product_published_at_when_active'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('publish_at__isnull', True), ('status', 'draft'), _connector='OR'), name='products_product_publish_at_of_a_draft'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('unpublish_at__isnull', True), ('status', 'active'), models.Q(('publish_at__isnull', False), ('publish_at__lt', models.F('unpublish_at'))), _connector='OR'), name='products_product_unpublish_at_of_what_is_published'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('publish_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('publish_at__lt', datetime.datetime(3000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='products_product_publish_at_in_bounds', violation_error_message='A moment lies between 1970-01-01 and 3000-01-01.'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('unpublish_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('unpublish_at__lt', datetime.datetime(3000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='products_product_unpublish_at_in_bounds', violation_error_message='A moment lies between 1970-01-01 and 3000-01-01.'),
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
            model_name='productimage',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('image_file__isnull', False), ('status', 'ready')), models.Q(('image_file__isnull', True), ('status__in', ['pending', 'failed'])), _connector='OR'), name='products_productimage_ready_with_content'),
        ),
        migrations.AddConstraint(
            model_name='productimage',
            constraint=models.CheckConstraint(condition=models.Q(('image_file__isnull', False), models.Q(('source_url', ''), _negated=True), _connector='OR'), name='products_productimage_has_a_source'),
        ),
        migrations.AddConstraint(
            model_name='productimage',
            constraint=models.UniqueConstraint(condition=models.Q(('source_url', ''), _negated=True), fields=('product', 'source_url'), name='products_productimage_url_once'),
        ),
        migrations.AddConstraint(
            model_name='productimage',
            constraint=models.UniqueConstraint(condition=models.Q(('source_url', '')), fields=('product', 'image_file'), name='products_productimage_upload_once'),
        ),
        migrations.AddIndex(
            model_name='variant',
            index=models.Index(fields=['barcode'], name='products_variant_barcode'),
        ),
        migrations.AddIndex(
            model_name='variant',
            index=models.Index(fields=['updated_at', 'id'], name='products_variant_by_updated'),
        ),
        migrations.AddConstraint(
            model_name='variant',
            constraint=models.UniqueConstraint(deferrable=django.db.models.constraints.Deferrable['IMMEDIATE'], fields=('sku_key',), name='products_variant_sku_key_unique'),
        ),
        migrations.AddConstraint(
            model_name='variant',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('sku', ''), _negated=True), models.Q(('sku_key', ''), _negated=True)), name='products_variant_has_a_sku'),
        ),
        migrations.AddConstraint(
            model_name='variant',
            constraint=models.CheckConstraint(condition=models.Q(('sku__regex', '[^ -~]'), ('sku_key', django.db.models.functions.text.Lower(django.db.models.functions.comparison.Collate('sku', 'C'))), _connector='OR'), name='products_variant_sku_key_of_ascii'),
        ),
        migrations.AddConstraint(
            model_name='variant',
            constraint=models.CheckConstraint(condition=models.Q(('price__isnull', True), ('price__gte', 0), _connector='OR'), name='products_variant_price_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='variant',
            constraint=models.CheckConstraint(condition=models.Q(('compare_at_price__isnull', True), ('compare_at_price__gte', 0), _connector='OR'), name='products_variant_compare_at_price_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='variant',
            constraint=models.CheckConstraint(condition=models.Q(('cost__isnull', True), ('cost__gte', 0), _connector='OR'), name='products_variant_cost_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='variant',
            constraint=models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='products_variant_currency_is_iso_4217'),
        ),
    ]
