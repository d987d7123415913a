"""The SQL of reservations: each service is one statement, which locks, decides, and writes rows, ledger and outbox.

Locks come in their fixed order: the reservation and its lines, then the levels. A locked row is read in its newest
version, however old the statement's snapshot is; so a statement decides by locked rows alone. Starting a plan takes
PostgreSQL as long as running it, so the statements that every order needs have no part that few orders need.
"""
