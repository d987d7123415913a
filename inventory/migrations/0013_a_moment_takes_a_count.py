from django.db import migrations, models


class Migration(migrations.Migration):
    """Where `counted` was null, the rule was neither true nor false, and let a moment without a count pass."""

    dependencies = [
        ('inventory', '0012_old_rows_are_checked_too'),
        ('products', '0011_moments_have_bounds'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='stocktakeline',
            name='inventory_stocktakeline_count_has_its_moment',
        ),
        migrations.AddConstraint(
            model_name='stocktakeline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('counted__isnull', True), ('counted_at__isnull', True)), models.Q(('counted__gte', 0), ('counted__isnull', False), ('counted_at__isnull', False)), _connector='OR'), name='inventory_stocktakeline_count_has_its_moment'),
        ),
    ]
