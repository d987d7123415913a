"""Sync runs ask a PMS for all its products and figures, or for those that have changed since the last run.

A run lists everything first, page by page, then checks how much it would take away, and only then applies what it has
listed, batch by batch. Each page and each batch is one transaction with the run's progress, so that a run goes on
where its worker died.
"""
