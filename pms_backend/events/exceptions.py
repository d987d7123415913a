"""Errors of the feed."""

from pms_backend.api.exceptions import Gone


class SequenceExpired(Gone):
    """Events after this sequence are pruned."""

    code = "sequence_expired"
