"""The wake-up of the worker that sends deliveries."""

from typing import Final

from pms_backend.events.wakeups import WakeUp

delivery_wake_up: Final = WakeUp(task="webhooks.tasks.send_deliveries")
