import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    """What is low is kept by the database, and indexed with what is oversold: the alerts."""

    dependencies = [("inventory", "0006_states_fit_their_moments")]

    operations = [
        migrations.AddField(
            model_name="stocklevel",
            name="is_low",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Case(
                    models.When(
                        reorder_point__gte=django.db.models.expressions.CombinedExpression(
                            models.F("on_hand"), "-", models.F("reserved")
                        ),
                        then=True,
                    ),
                    default=False,
                ),
                output_field=models.BooleanField(),
            ),
        ),
        migrations.AddIndex(
            model_name="stocklevel",
            index=models.Index(
                condition=models.Q(("is_low", True), ("is_oversold", True), _connector="OR"),
                fields=["id"],
                name="inventory_stocklevel_in_need",
            ),
        ),
    ]
