"""The roles of the staff: groups, which the admin offers in the form of a user (pms_backend/operations/roles.py)."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

VIEWS = {
    "products": ("view_product", "view_variant", "view_category"),
    "imports": ("view_importjob",),
    "inventory": (
        "view_location",
        "view_stocklevel",
        "view_stockmovement",
        "view_reservation",
        "view_transfer",
        "view_stocktake",
    ),
    "pms": (
        "view_pmsconnection",
        "view_pmsevent",
        "view_pmsproduct",
        "view_pmsproductpush",
        "view_pmsstock",
        "view_pmsstockpush",
        "view_pmsvariant",
        "view_syncrun",
        "view_syncdifference",
    ),
    "webhooks": ("view_webhookendpoint", "view_delivery"),
    "events": ("view_event", "view_parkedevent"),
    "operations": ("view_alert", "view_metricincrease"),
}
# The permissions of each role, by their apps.
ROLES = {
    "Viewer": {
        "products": VIEWS["products"],
        "inventory": VIEWS["inventory"],
        "pms_integration": VIEWS["imports"] + VIEWS["pms"],
        "webhooks": VIEWS["webhooks"],
        "events": VIEWS["events"],
        "operations": VIEWS["operations"],
    },
    # Sees no levels: counts are blind.
    "Counter": {
        "products": VIEWS["products"],
        "inventory": ("view_stocktake", "change_stocktake"),
    },
    "Warehouse": {
        "products": VIEWS["products"],
        "inventory": (
            *VIEWS["inventory"],
            "add_location",
            "change_location",
            "add_stocklevel",
            "change_stocklevel",
            "add_reservation",
            "change_reservation",
            "add_transfer",
            "change_transfer",
            "add_stocktake",
            "change_stocktake",
            "post_stocktake",
        ),
        # What a PMS has reported, and why a figure is what it is.
        "pms_integration": ("view_pmsconnection", "view_pmsevent", "view_pmsstock"),
    },
    "Catalogue": {
        "products": (
            *VIEWS["products"],
            "add_product",
            "change_product",
            "add_variant",
            "change_variant",
            "add_category",
            "change_category",
            "delete_category",
        ),
        # An import may name the location of its quantities.
        "inventory": ("view_location",),
        "pms_integration": (*VIEWS["imports"], "add_importjob"),
    },
    "Integrator": {
        "products": VIEWS["products"],
        "inventory": VIEWS["inventory"],
        "pms_integration": (
            *VIEWS["imports"],
            *VIEWS["pms"],
            "add_pmsconnection",
            "change_pmsconnection",
            "delete_pmsconnection",
            "change_pmsevent",
            "change_pmsproduct",
            "change_pmsproductpush",
            "change_pmsstock",
            "add_syncrun",
            "change_syncrun",
            "add_pmsstockpush",
        ),
        "webhooks": (
            *VIEWS["webhooks"],
            "add_webhookendpoint",
            "change_webhookendpoint",
            "delete_webhookendpoint",
            "change_delivery",
        ),
        "events": (*VIEWS["events"], "change_parkedevent"),
        "operations": VIEWS["operations"],
    },
}
ADMINISTRATOR = "Administrator"
APPS_OF_ADMINISTRATOR = (
    *("products", "inventory", "pms_integration", "webhooks", "events", "access", "auth", "axes", "operations"),
)


def make_roles(apps, schema_editor):
    """Makes the groups that do not exist; one of such a name that somebody has made stays as it is."""
    # Django makes permissions after all migrations, so they are made here first.
    for app in apps.get_app_configs():
        app.models_module = True
        create_permissions(app, verbosity=0, apps=apps, using=schema_editor.connection.alias)
        app.models_module = None
    permissions = apps.get_model("auth", "Permission").objects.order_by("pk")
    groups = apps.get_model("auth", "Group").objects
    given = {
        role: [
            permissions.get(content_type__app_label=app, codename=name)
            for app, names in by_app.items()
            for name in names
        ]
        for role, by_app in ROLES.items()
    }
    given[ADMINISTRATOR] = list(permissions.filter(content_type__app_label__in=APPS_OF_ADMINISTRATOR))
    for role, held in given.items():
        group, is_new = groups.get_or_create(name=role)
        if is_new:
            group.permissions.set(held)


def remove_roles(apps, schema_editor):
    """Removes the groups of these names that nobody is in."""
    apps.get_model("auth", "Group").objects.filter(name__in=[*ROLES, ADMINISTRATOR], user=None).delete()


class Migration(migrations.Migration):

    dependencies = [
        ('operations', '0001_initial'),
        ('access', '0002_triggers'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('axes', '0010_accessattemptexpiration'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('events', '0001_initial'),
        ('inventory', '0002_triggers'),
        ('pms_integration', '0001_initial'),
        ('products', '0002_triggers'),
        ('webhooks', '0001_initial'),
    ]

    operations = [
        migrations.RunPython(make_roles, remove_roles),
    ]
