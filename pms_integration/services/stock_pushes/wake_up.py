"""The wake-up of the workers that push stock."""

from typing import Final

from pms_backend.events.wakeups import WakeUp

push_wake_up: Final = WakeUp(task="pms_integration.tasks.push_stock")
