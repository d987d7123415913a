import datetime
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    """Rows of before stay, until somebody mends them: `audit_stock` names them."""

    dependencies = [
        ('products', '0010_skus_by_unicode_case_folding'),
    ]

    operations = [
        AddConstraintNotValid(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('publish_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('publish_at__lt', datetime.datetime(3000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='products_product_publish_at_in_bounds', violation_error_message='A moment lies between 1970-01-01 and 3000-01-01.'),
        ),
        AddConstraintNotValid(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('unpublish_at__gte', datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)), ('unpublish_at__lt', datetime.datetime(3000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='products_product_unpublish_at_in_bounds', violation_error_message='A moment lies between 1970-01-01 and 3000-01-01.'),
        ),
    ]
