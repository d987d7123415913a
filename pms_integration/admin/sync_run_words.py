"""A sync run in words: its kind, how far it is, and what it does."""

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from pms_integration.models import SyncResource, SyncRun, SyncStage, SyncStatus


def kind_of(run: SyncRun) -> str:
    """The mode of a run, whether it is a dry run, and whether it lists one resource only."""
    dry = [_("dry run")] if run.dry_run else []
    is_part = len(run.resources) < len(SyncResource)
    only = [_("%(resource)s only") % {"resource": SyncResource(run.resources[0]).label}] if is_part else []
    return ", ".join((run.get_mode_display(), *dry, *only))


def name_of_run(run: SyncRun) -> str:
    """The run and its connection, within a sentence."""
    return _("sync run %(id)s of %(connection)s") % {"id": run.pk, "connection": run.connection}


def progress_of(run: SyncRun) -> str:
    """The processed entries of the PMS's lists, and the total."""
    if run.total is None:
        return "-"
    processed, total = number_format(run.processed), number_format(run.total)
    return (
        processed if processed == total else _("%(processed)s of %(total)s") % {"processed": processed, "total": total}
    )


def state_in_words(run: SyncRun) -> str:
    """The status in words, with what the run does at the moment."""
    words = run.get_status_display()
    if run.status != SyncStatus.RUNNING:
        return words
    doing = str(SyncStage(run.stage).label)
    if run.stage == SyncStage.LISTING:
        doing = _("asking for %(resource)s") % {"resource": SyncResource(run.listing).label}
    failed = _("; the last call has failed, and is made again") if run.failures else ""
    return f"{words}: {doing}{failed}"
