"""Errors of the feed."""

from pms_backend.api.exceptions import Gone


class SequenceExpired(Gone, code="sequence_expired"):
    """Events after this sequence are pruned."""
