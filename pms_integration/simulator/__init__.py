"""A PMS of the `standard` contract (docs/pms-openapi.yaml) that fails on demand: `python -m pms_integration.simulator`.

It is a system of its own, with a catalogue, a stock ledger, a clock and webhooks, in one SQLite file. It shares no code
with the rest of this repository, so that a misunderstanding of the contract is not on both sides.
`control.py` documents what tests and people may do to it while it runs, `faults.py` how it fails.
"""
