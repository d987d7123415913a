from django.db import migrations, models


class Migration(migrations.Migration):
    """What was on hand at a moment is read from an index alone; what acted under a reference, by its level too."""

    dependencies = [("inventory", "0007_levels_in_need")]

    operations = [
        migrations.RemoveIndex(model_name="stockmovement", name="inventory_movement_moment"),
        migrations.AddIndex(
            model_name="stockmovement",
            index=models.Index(
                fields=["level", "occurred_at"], include=("delta",), name="inventory_movement_moment"
            ),
        ),
        migrations.RemoveIndex(model_name="stockmovement", name="inventory_movement_reference"),
        migrations.AddIndex(
            model_name="stockmovement",
            index=models.Index(
                condition=models.Q(("reference", ""), _negated=True),
                fields=["reference", "level"],
                name="inventory_movement_reference",
            ),
        ),
    ]
