"""The web server: Waitress, with a limit for every resource that a client may hold (docs/adr/0013).

Waitress's I/O thread receives each request completely, before one of the few threads that run Django gets it. So a
client that sends slowly holds a connection and nothing else. This package adds the limits that Waitress does not have:
the time in which a request must arrive, the number of connections, and the disk space of their bodies.
"""
