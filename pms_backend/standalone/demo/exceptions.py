"""What ends the demo early."""


class DemoFailed(Exception):
    """The message is the one line that says why."""
