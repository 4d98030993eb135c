"""The same conversation as `load_tools` describes, as one would write it for Locust with websocket-client.

Locust runs this file; its ``--host`` is the file of the job.
"""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import gevent
import websocket
from locust import User, task

TEXT = "x" * 200


class Person(User):
    """One person of the job."""

    numbers: ClassVar[count[int]] = count()

    @task
    def chat(self) -> None:
        """Send at even intervals, and acknowledge what comes."""
        assert self.host is not None
        job = json.loads(Path(self.host).read_text("utf-8"))
        me = next(self.numbers)
        person = job["people"][me]
        url = job["url"].replace("http", "ws", 1) + "/v1.0/chat"
        connection = websocket.create_connection(
            url, header=[f"Authorization: Bearer {person['token']}"]
        )
        while json.loads(connection.recv())["type"] != "replay_complete":
            pass
        gevent.spawn(self._read, connection, person["conversation"])
        for number in count():
            gevent.sleep(job["every_ms"] / 1000)
            connection.send(
                json.dumps(
                    {
                        "type": "send",
                        "id": str(number),
                        "client_message_id": f"{me}-{number}",
                        "conversation_id": person["conversation"],
                        "body": {"kind": "text", "text": TEXT},
                    }
                )
            )

    def _read(self, connection: Any, conversation: str) -> None:
        while True:
            frame = json.loads(connection.recv())
            if frame["type"] == "message":
                connection.send(
                    json.dumps(
                        {
                            "type": "delivered",
                            "conversation_id": conversation,
                            "up_to_seq": frame["message"]["seq"],
                        }
                    )
                )
