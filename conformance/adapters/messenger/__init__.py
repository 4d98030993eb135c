"""The Messenger API over HTTP and one WebSocket per device.

`adapter` finds out what the target is and opens sessions; `client` turns verbs into requests (`rest`)
and connections (`channel` on `wire`); `shapes` reads what comes back into the history's terms;
`notebook` writes it down, apart from what belongs to hidden users; `manners` judges what no scenario
needs to ask about.
"""

from .adapter import MessengerAdapter

__all__ = ["MessengerAdapter"]
