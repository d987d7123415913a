"""A simulated day of a PMS, watched live: `python -m pms_backend.standalone.demo`.

It speaks to a running stack as any client would: signed webhooks in, the WebSocket and the API out. Like the package
around it, it stands beside the house and imports nothing of it.
"""
