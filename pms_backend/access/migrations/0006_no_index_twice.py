import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """No index of what is the head of another: each is written with every row, and none of these was read for its own."""

    dependencies = [
        ("access", "0005_socket_tickets"),
    ]

    operations = [
        migrations.AlterField(
            model_name="signaturenonce",
            name="signing_key",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, to="access.signingkey"
            ),
        ),
    ]
