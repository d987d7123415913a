"""The wake-up of the worker that applies PMS events."""

from typing import Final

from pms_backend.events.wakeups import WakeUp

apply_wake_up: Final = WakeUp(task="pms_integration.tasks.apply_pms_events")
