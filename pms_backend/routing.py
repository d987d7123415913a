"""The sockets' addresses."""

from django.urls import path

from inventory.consumers import StockConsumer

websocket_urlpatterns = [path("ws/stock/", StockConsumer.as_asgi())]
