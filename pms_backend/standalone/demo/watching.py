"""The stock as the WebSocket tells it."""

import asyncio
import json
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, NoReturn

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from pms_backend.standalone.demo.exceptions import DemoFailed

SHOWN = 10
LARGEST_MESSAGE = 256 * 2**20  # the first snapshot holds every level
CLOSED_FOR_GOOD = {4001: "the key is not accepted", 4003: "the key may not read the stock"}

Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """A level's last change, for people."""

    sku: str
    location: str
    on_hand: int
    delta: int


@dataclass(slots=True)
class StockView:
    """The newest version of every level. Whoever keeps that has the truth, in whatever order it comes."""

    levels: dict[Place, dict[str, Any]] = field(default_factory=dict)
    recent: OrderedDict[Place, Seen] = field(default_factory=OrderedDict)
    pushed: int = 0
    connections: int = 0
    sequence: int = 0

    def take(self, message: dict[str, Any]) -> None:
        """Takes in one message of the socket."""
        self.sequence = max(self.sequence, message.get("sequence", 0))
        for level in message.get("levels", ()):
            self._keep(level)
        if message["type"] == "stock.changed":
            self.pushed += 1
            level = message["level"]
            before = self._keep(level)
            if before is not None:
                self._show(level, level["on_hand"] - before["on_hand"])

    def version(self, place: Place) -> int:
        """Of a level; 0 for one that was never told."""
        level = self.levels.get(place)
        return int(level["version"]) if level else 0

    def _keep(self, level: dict[str, Any]) -> dict[str, Any] | None:
        """What was known of the level before, unless that is newer."""
        place = (level["sku"], level["location"])
        before = self.levels.get(place, {"version": -1, "on_hand": 0})
        if level["version"] <= before["version"]:
            return None
        self.levels[place] = level
        return before

    def _show(self, level: dict[str, Any], delta: int) -> None:
        place = (level["sku"], level["location"])
        self.recent[place] = Seen(*place, level["on_hand"], delta)
        self.recent.move_to_end(place)
        if len(self.recent) > SHOWN:
            self.recent.popitem(last=False)


async def watch(url: str, key: str, view: StockView, subscribed: asyncio.Event) -> NoReturn:
    """Keeps `view` true until it is cancelled; a connection that breaks goes on where it was. Raises `DemoFailed`."""
    headers = {"Authorization": f"Api-Key {key}"}
    async for socket in connect(url, additional_headers=headers, max_size=LARGEST_MESSAGE, proxy=None):
        view.connections += 1
        try:
            resume = {"after": view.sequence} if view.sequence else {}
            await socket.send(json.dumps({"action": "subscribe", "all": True, **resume}))
            async for message in socket:
                content = json.loads(message)
                if content["type"] == "error":
                    raise DemoFailed(f"the socket says: {content['detail']}")
                view.take(content)
                subscribed.set()
        except ConnectionClosed:
            pass
        if socket.close_code in CLOSED_FOR_GOOD:
            raise DemoFailed(f"the socket was closed: {CLOSED_FOR_GOOD[socket.close_code]}")
    raise DemoFailed("the socket cannot be reached any more")
