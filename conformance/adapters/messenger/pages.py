"""Reading a conversation's history, one page or all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...history import Direction, Event, PageRead, WalkDone
from ..base import Json, Malformed, Walked
from . import shapes
from .notebook import Notebook
from .rest import Answer, path_of

MAX_PAGES = 20_000
"""Pages after which a walk counts as endless."""


class Pages:
    """The part of a device that reads histories."""

    notebook: Notebook
    user_id: str
    device_id: str | None

    if TYPE_CHECKING:

        async def call(self, method: str, path: str) -> Answer: ...
        def note(self, event: Event) -> int | None: ...

    async def page(
        self,
        conversation_id: str,
        *,
        limit: Json = None,
        before: Json = None,
        after: Json = None,
    ) -> Json:
        """``GET /conversations/{id}/messages``, one page."""
        body, _ = await self._page(conversation_id, limit, before, after, walk=None)
        return body

    async def _page(
        self, conversation_id: str, limit: Json, before: Json, after: Json, *, walk: int | None
    ) -> tuple[Json, int]:
        query = {"limit": limit, "before": before, "after": after}
        path = path_of("conversations", conversation_id, "messages", query=query)
        answer = await self.call("GET", path)
        page = shapes.read(answer.body, shapes.HistoryPage, "a page of the history")
        direction: Direction | None = None
        if before is not None:
            direction = "before"
        elif after is not None:
            direction = "after"
        self.note(
            PageRead(
                user_id=self.user_id,
                device_id=self.device_id or "",
                conversation_id=conversation_id,
                direction=direction,
                start=before is None and not after,
                limit=limit if isinstance(limit, int) else None,
                entries=tuple(page.items),
                has_older=page.has_older,
                has_newer=page.has_newer,
                walk=walk,
                asked=answer.asked,
                raw=answer.event,
            )
        )
        return {"items": [], "before": None, **answer.body}, answer.asked

    async def walk(
        self,
        conversation_id: str,
        direction: Direction,
        *,
        limit: Json = None,
        start: Json = None,
    ) -> Walked:
        """The history page by page, to its end."""
        walk = self.notebook.next_walk()
        opening = "" if direction == "after" and start is None else start
        cursor: Json = opening
        pages: list[Json] = []
        asked_first: int | None = None
        while len(pages) < MAX_PAGES:
            cursors = {direction: cursor}
            page, asked = await self._page(
                conversation_id,
                limit,
                cursors.get("before"),
                cursors.get("after"),
                walk=walk,
            )
            asked_first = asked if asked_first is None else asked_first
            pages.append(page)
            ended = page["before"] is None if direction == "before" else not page["has_newer"]
            if ended:
                self.note(
                    WalkDone(
                        walk=walk,
                        user_id=self.user_id,
                        device_id=self.device_id or "",
                        conversation_id=conversation_id,
                        direction=direction,
                        whole=start is None,
                        asked=asked_first,
                    )
                )
                ascending = pages[::-1] if direction == "before" else pages
                return Walked(
                    items=[item for each in ascending for item in each["items"]],
                    pages=pages,
                    after=ascending[-1]["after"],
                )
            if not page["items"] and page[direction] == cursor:
                break
            cursor = page[direction]
        raise Malformed(
            f"the walk `{direction}` does not come to an end: after {len(pages)} pages the server "
            f"still promises more but gives nothing new",
            requirement="PAG-1" if direction == "before" else "PAG-2",
        )
