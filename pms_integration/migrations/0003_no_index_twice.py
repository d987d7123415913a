import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """No index of what is the head of another: each is written with every row, and none of these was read for its own."""

    dependencies = [
        ("pms_integration", "0002_imports"),
    ]

    operations = [
        migrations.AlterField(
            model_name="importproblem",
            name="job",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="problems",
                to="pms_integration.importjob",
            ),
        ),
        migrations.AlterField(
            model_name="pmsevent",
            name="connection",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to="pms_integration.pmsconnection",
            ),
        ),
        migrations.AlterField(
            model_name="pmslocation",
            name="connection",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="locations",
                to="pms_integration.pmsconnection",
            ),
        ),
        migrations.AlterField(
            model_name="pmsproduct",
            name="connection",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="products",
                to="pms_integration.pmsconnection",
            ),
        ),
        migrations.AlterField(
            model_name="pmsstock",
            name="connection",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="stock",
                to="pms_integration.pmsconnection",
            ),
        ),
    ]
