"""What staff do with the units of an item: the jobs of the scan desk."""

from typing import Final

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from inventory.models import Reason


class Job(TextChoices):
    """A job; one that is also the reason of an adjustment has its value."""

    RECEIVE = Reason.RECEIPT.value, _("Receive")
    SELL = Reason.SALE.value, _("Sell")
    RETURN = Reason.RETURN.value, _("Return")
    CORRECT = Reason.CORRECTION.value, _("Correct")
    DAMAGE = Reason.DAMAGE.value, _("Damage")
    MOVE = "move", _("Move")
    COUNT = "count", _("Count")


# The sign of the delta that an entered quantity makes.
SIGNS: Final = {Job.RECEIVE: 1, Job.RETURN: 1, Job.CORRECT: 1, Job.SELL: -1, Job.DAMAGE: -1}

QUANTITY_LABELS: Final[dict[Job, Promise]] = {
    Job.RECEIVE: _("Units that came"),
    Job.SELL: _("Units that were sold"),
    Job.RETURN: _("Units that came back"),
    Job.CORRECT: _("Units to add, or with a minus to take away"),
    Job.DAMAGE: _("Units that are damaged or lost"),
    Job.MOVE: _("Units to move"),
    Job.COUNT: _("Units that you see, reserved ones included"),
}


def jobs_of(user: User | AnonymousUser) -> list[Job]:
    """The jobs that the user may do."""
    if not user.has_perm("inventory.change_stocklevel"):
        return []
    may_move = user.has_perms(["inventory.add_transfer", "inventory.change_transfer"])
    return [job for job in Job if job is not Job.MOVE or may_move]
