"""What the feed refuses."""

from pms_backend.api.exceptions import Gone


class SequenceExpired(Gone):
    """The feed cannot be read on from there without a gap."""

    code = "sequence_expired"
