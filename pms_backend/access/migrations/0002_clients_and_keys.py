"""A client is no longer its only key: it may have two while it changes over, and signing keys beside them."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

# A client's public id was its key's prefix, and stays that.
CLIENTS_OF_KEYS = """
INSERT INTO access_apiclient (public_id, name, scopes, tier, expires_at, revoked_at, created_at)
SELECT prefix, name, scopes, tier, expiry_date, CASE WHEN revoked THEN now() END, created FROM access_apikey;
UPDATE access_apikey AS key SET client_id = client.id, expiry_date = NULL
FROM access_apiclient AS client WHERE client.public_id = key.prefix;
SET CONSTRAINTS ALL IMMEDIATE;
"""
KEYS_OF_CLIENTS = """
UPDATE access_apikey AS key SET name = client.name, scopes = client.scopes, tier = client.tier,
    revoked = key.revoked OR client.revoked_at IS NOT NULL,
    expiry_date = LEAST(COALESCE(key.expiry_date, client.expires_at), COALESCE(client.expires_at, key.expiry_date))
FROM access_apiclient AS client WHERE client.id = key.client_id;
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    # A renamed model renames its content type.
    dependencies = [("access", "0001_initial"), ("contenttypes", "0002_remove_content_type_name")]

    operations = [
        migrations.RenameModel("ApiClient", "ApiKey"),
        migrations.CreateModel(
            name="ApiClient",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.CharField(editable=False, max_length=8, unique=True)),
                ("name", models.CharField(max_length=50)),
                ("scopes", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None)),
                ("tier", models.CharField(default="default", max_length=40)),
                ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="expires")),
                ("revoked_at", models.DateTimeField(editable=False, null=True, verbose_name="revoked")),
                ("last_used_at", models.DateTimeField(editable=False, null=True, verbose_name="last used")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created")),
            ],
            options={"verbose_name": "API client", "verbose_name_plural": "API clients", "ordering": ("-id",)},
        ),
        migrations.AlterModelOptions(
            name="apikey",
            options={"ordering": ("-created",), "verbose_name": "API key", "verbose_name_plural": "API keys"},
        ),
        migrations.AddField(
            model_name="apikey",
            name="client",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="keys", to="access.apiclient"),
        ),
        migrations.AlterField(model_name="apikey", name="name", field=models.CharField(max_length=50, null=True)),
        migrations.RunSQL(CLIENTS_OF_KEYS, KEYS_OF_CLIENTS),
        migrations.AlterField(
            model_name="apikey",
            name="client",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="keys", to="access.apiclient"),
        ),
        migrations.RemoveField(model_name="apikey", name="name"),
        migrations.RemoveField(model_name="apikey", name="scopes"),
        migrations.RemoveField(model_name="apikey", name="tier"),
        migrations.CreateModel(
            name="SigningKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key_id", models.CharField(max_length=40, unique=True)),
                ("secret", models.TextField()),
                ("expiry_date", models.DateTimeField(null=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="signing_keys", to="access.apiclient")),
            ],
            options={"ordering": ("-id",)},
        ),
        migrations.CreateModel(
            name="SignatureNonce",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("nonce", models.CharField(max_length=255)),
                ("used_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True)),
                ("signing_key", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="access.signingkey")),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("signing_key", "nonce"), name="access_signaturenonce_used_once")]},
        ),
    ]
