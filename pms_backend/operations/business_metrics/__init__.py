"""Requests, cache, sync and errors of the last hour, day and month: sampled from the counters, kept, and shown."""
