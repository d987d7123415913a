"""The wake-up of the workers that push products."""

from typing import Final

from pms_backend.events.wakeups import WakeUp

product_push_wake_up: Final = WakeUp(task="pms_integration.tasks.push_products")
