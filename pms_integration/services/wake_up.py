"""The wake-ups of the workers that apply PMS events, and that ask a PMS for what its webhooks did not tell."""

from typing import Final

from pms_backend.events.wakeups import WakeUp

apply_wake_up: Final = WakeUp(task="pms_integration.tasks.apply_pms_events")
refetch_wake_up: Final = WakeUp(task="pms_integration.tasks.ask_refetches")
