"""The limits of sync runs."""

from datetime import timedelta
from typing import Final

# How long a lease is valid: longer than a call to a PMS may take, with its wait for the rate budget, and the
# transaction after it.
LEASE_SECONDS: Final = 40.0
# Another run gets its turn after this time.
SLICE_SECONDS: Final = 30.0
# A pause of the rate budget that is waited for with the lease; a longer one is waited for without a worker.
MAX_WAIT_SECONDS: Final = 2.0
# Attempts in a row that ended with the death of their worker, or with an error of ours.
MAX_ATTEMPTS: Final = 5
# Calls in a row that failed, after which a run is given up: with those of an open circuit, an hour or two.
MAX_FAILURES: Final = 100
# The PMS's clock when the last run began to list, less this: a change may be visible later than its moment.
WATERMARK_MARGIN: Final = timedelta(minutes=15)
# Pages in a row on which all was listed before: the cursors go round in a circle.
MAX_REPEATED_PAGES: Final = 20
# Absences from complete lists in a row, after which a product counts as deleted.
MISSED_LISTS: Final = 2
# A run is held if it would archive, or take to zero, more than the larger of these.
HELD_SHARE: Final = 0.05
HELD_COUNT: Final = 20
# Reports of one transaction.
BATCH_SIZE: Final = 500
# The errors that a run keeps; further ones are only counted.
MAX_ERRORS: Final = 100
# How often a run announces its progress.
PROGRESS_SECONDS: Final = 5.0
PRUNED_AT_ONCE: Final = 10_000
