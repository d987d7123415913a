import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """No index of what is the head of another: each is written with every row, and none of these was read for its own."""

    dependencies = [
        ("inventory", "0009_levels_leave_room"),
        ("products", "0008_image_upkeep"),
    ]

    operations = [
        migrations.AlterField(
            model_name="reservationline",
            name="reservation",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="inventory.reservation",
            ),
        ),
        migrations.AlterField(
            model_name="stocklevel",
            name="variant",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="levels",
                to="products.variant",
            ),
        ),
        migrations.AlterField(
            model_name="stockmovement",
            name="level",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="movements",
                to="inventory.stocklevel",
            ),
        ),
        migrations.AlterField(
            model_name="stocktakeline",
            name="stocktake",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="inventory.stocktake",
            ),
        ),
        migrations.AlterField(
            model_name="transferline",
            name="transfer",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="inventory.transfer",
            ),
        ),
    ]
