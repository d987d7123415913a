from django.db import migrations, models


class Migration(migrations.Migration):
    """An import remembers the identity of its caller, who alone sees it besides those inside; older ones have none."""

    dependencies = [("pms_integration", "0003_no_index_twice")]

    operations = [
        migrations.AddField(
            model_name="importjob",
            name="client",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=150),
        ),
    ]
