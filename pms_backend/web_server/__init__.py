"""The web server: Waitress, with a bound for everything that a client may hold (docs/adr/0013).

Waitress's I/O thread gathers each request, body included, before one of the few threads that run Django sees it. So a
client that sends slowly holds a connection and nothing else. What Waitress leaves unbounded is bounded here: how long
a request may take to arrive, how many connections there may be, and how much of the disk their bodies may fill.
"""
