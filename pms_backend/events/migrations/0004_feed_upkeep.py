"""How old what was pruned is; and a vacuum that keeps up with the feed."""

from django.db import migrations, models

# Every event is updated once, for its sequence, and removed once. By PostgreSQL's default a fifth of the table has to be
# dead first: of 30 days, that is six, and meanwhile the relay reads past what it has published already.
VACUUM_OFTEN = """
ALTER TABLE events_event SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000);
"""
VACUUM_AS_OTHERS = """
ALTER TABLE events_event RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0003_feed_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='feedhead',
            name='pruned_before',
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(VACUUM_OFTEN, VACUUM_AS_OTHERS),
    ]
