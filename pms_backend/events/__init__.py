"""The outbox and its feed: what happened, in one gapless order."""
