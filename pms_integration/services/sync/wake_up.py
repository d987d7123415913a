"""The wake-up of the workers that run syncs."""

from typing import Final

from pms_backend.events.wakeups import WakeUp

sync_wake_up: Final = WakeUp(task="pms_integration.tasks.run_syncs")
