from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inventory", "0004_promises_explained")]

    operations = [
        migrations.AddField(
            model_name="reservation",
            name="requested",
            field=models.JSONField(
                db_default=models.Value([], models.JSONField()), default=list, editable=False
            ),
        ),
        # A client's newest first, and one reference among all clients: an index for each, instead of one for neither.
        migrations.RemoveIndex(model_name="reservation", name="inventory_reservation_by_name"),
        migrations.AddIndex(
            model_name="reservation",
            index=models.Index(fields=["reference"], name="inventory_reservation_by_name"),
        ),
        migrations.AddIndex(
            model_name="reservation",
            index=models.Index(fields=["client", "id"], name="inventory_reservation_client"),
        ),
    ]
