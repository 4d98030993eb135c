"""History is the log, whole, in pages: ORD-7, PAG-1 to PAG-3, STA-1, and who may read it.

What edits, deletes and deadlines make of entries, `changes` judges.

A page is a window of the log as it was between the question and the answer. Entries are appended only
at its end, so inside a window, and from page to page of one walk, nothing may be missing or twice,
however many append meanwhile; only the newest end is a matter of time, and there a page must hold what
surely existed when it was asked for, and cannot hold what surely was sent after it was answered.

Each reader's own view counts: from its joining to its leaving. Of one with several memberships only
what its pages contain is judged. What vanished over a restart is `delivery`'s to judge (DLV-8).
"""

from __future__ import annotations

from itertools import pairwise

from ..history import Accepted, Direction, Entry, Event, History, PageRead, Received, WalkDone
from .base import Violation
from .changes import judge_changes
from .content import begins_membership, same_entry_body
from .evidence import Known, Log
from .findings import Findings
from .index import Index
from .membership import Stay, covering

_WALKS: dict[Direction, str] = {"before": "PAG-1", "after": "PAG-2"}
"""The promise that a hole in a walk breaks, by its direction."""


def check(history: History) -> list[Violation]:
    """Judge every page and walk of a history."""
    index = Index(history)
    findings = Findings()
    for log in index.logs.values():
        if not log.pages:
            continue
        _same_as_live(index, log, findings)
        judge_changes(index, log, findings)
        shown = _first_shown(log)
        for page in log.pages:
            reader = _Reader(index, log, page, findings)
            if reader.judge_form(page):
                reader.judge_content(page)
                reader.judge_newer(page, shown)
        for walk in log.walks:
            pages = [page for page in index.pages_of(walk) if page.entries]
            if pages and all(map(_ascending, pages)):
                _Reader(index, log, pages[0], findings).judge_walk(walk, pages)
    return findings.violations()


def _first_shown(log: Log) -> dict[int, int]:
    """By seq: the position at which a page first had it, so that it surely was readable from then on."""
    shown: dict[int, int] = {}
    for page in log.pages:
        for entry in page.entries:
            shown.setdefault(entry.seq, page.n)
    return shown


def _same_as_live(index: Index, log: Log, findings: Findings) -> None:
    """ORD-7: what pages show at a seq is what was received live there, or shown by other pages."""
    reference: dict[int, tuple[Entry, Event]] = {}
    for arrival in log.seen:
        if isinstance(arrival, Received):
            reference.setdefault(arrival.entry.seq, (arrival.entry, arrival))
    answered = {a.seq: a for a in log.seen if isinstance(a, Accepted)}
    for page in log.pages:
        for entry in page.entries:
            other, event = reference.setdefault(entry.seq, (entry, page))
            wrong = _difference(entry, other)
            answer = answered.get(entry.seq)
            if not wrong and answer is not None and answer.message_id != entry.message_id:
                event = answer
                wrong = f"message {entry.message_id} where {answer.message_id} was accepted"
            if wrong:
                findings.add(
                    "ORD-7",
                    f"The history that {index.name(page.user_id, page.device_id)} read shows at seq "
                    f"{entry.seq} {wrong}.",
                    event,
                    page,
                    scope=log.conversation_id,
                    conversation_id=log.conversation_id,
                )


def _difference(entry: Entry, other: Entry) -> str | None:
    if entry is other:
        return None
    if entry.message_id != other.message_id:
        return f"message {entry.message_id} where others saw {other.message_id}"
    senders = (entry.sender_id, other.sender_id)
    if None not in senders and senders[0] != senders[1]:
        return f"the sender {entry.sender_id} where others saw {other.sender_id}"
    return None if same_entry_body(entry, other) else "another body than others saw"


def _ascending(page: PageRead) -> bool:
    return all(one.seq < other.seq for one, other in pairwise(page.entries))


class _Reader:
    """One reader's pages of one log."""

    def __init__(self, index: Index, log: Log, page: PageRead, findings: Findings) -> None:
        self._index = index
        self._log = log
        self._findings = findings
        self._name = index.name(page.user_id, page.device_id)
        stays = None if log.stays is None else log.stays.get(page.user_id, [])
        self._stays = stays
        self._stay: Stay | None = stays[0] if stays and len(stays) == 1 else None
        """The only membership; None where there is none, or several, or it is unknown."""

    def _add(self, requirement: str, message: str, *events: Event | int) -> None:
        self._findings.add(
            requirement,
            f"{self._name} {message}.",
            *events,
            scope=(self._log.conversation_id, self._name),
            conversation_id=self._log.conversation_id,
        )

    def _lost(self, low: int, high: int, asked: int) -> Known | None:
        """The first entry in ``low < seq < high`` that existed at `asked`, and that no restart excuses.

        An entry below one that existed did so too, whenever it was first seen.
        """
        return next(
            (
                known
                for known in self._log.between(low, high)
                if self._index.restart_between(known, asked) is None
            ),
            None,
        )

    # ── pages ─────────────────────────────────────────────────────────────────────────────────

    def judge_form(self, page: PageRead) -> bool:
        """Size and order; answers whether the page can be read any further."""
        if page.limit is not None and len(page.entries) > page.limit:
            self._add("PAG-3", f"asked for {page.limit} entries and got {len(page.entries)}", page)
        if _ascending(page):
            return True
        seqs = ", ".join(str(entry.seq) for entry in page.entries[:10])
        self._add("PAG-3", f"got a page that is not in ascending order: seqs {seqs}", page)
        return False

    def judge_content(self, page: PageRead) -> None:
        """No hole, nothing that the reader may not see, and the truth about what is older."""
        for one, other in pairwise(page.entries):
            if other.seq > one.seq + 1 and not begins_membership(other, page.user_id):
                lost = self._lost(one.seq, other.seq, page.asked)
                if lost is not None:
                    self._add(
                        "ORD-7" if page.walk is None else _WALKS[page.direction or "before"],
                        f"got a page with seq {other.seq} right after seq {one.seq}, without seq "
                        f"{lost.seq}",
                        lost.existed,
                        page,
                    )
        if page.entries:
            self._judge_visibility(page)
            self._judge_older(page)

    def _judge_visibility(self, page: PageRead) -> None:
        if self._stays is None:
            return
        for entry in (page.entries[0], page.entries[-1]):
            if covering(self._stays, entry.seq) is None and entry.seq <= self._log.heads.top:
                self._add(
                    "CONV-4" if self._stays else "CONV-5",
                    f"could read seq {entry.seq}, "
                    + ("outside its membership" if self._stays else "but never was a member"),
                    page,
                )

    def _judge_older(self, page: PageRead) -> None:
        if self._stay is None:
            return
        first = page.entries[0].seq
        if page.has_older and first == self._stay.first:
            self._add(
                "PAG-3",
                f"was told of older entries than seq {first}, the first one it can see",
                page,
            )
        elif not page.has_older and first > self._stay.first:
            lost = self._lost(self._stay.first - 1, first, page.asked)
            if lost is not None:
                self._add(
                    "PAG-3",
                    f"was told that nothing is older than seq {first}, but seq {lost.seq} is",
                    lost.existed,
                    page,
                )

    def judge_newer(self, page: PageRead, shown: dict[int, int]) -> None:
        """The newest end: `has_newer`, and that what was accepted before can be read."""
        if self._stay is None:
            return
        last = page.entries[-1].seq if page.entries else self._stay.first - 1
        if page.has_newer:
            if page.entries and self._surely_nothing_after(page, last):
                self._add(
                    "PAG-3", f"was told of newer entries than seq {last}, the newest one", page
                )
            return
        if not page.entries and not page.start:
            return  # a cursor at an end: where it stands is not known
        newest = self._log.heads.before(page.asked)
        if self._stay.last is not None:
            newest = min(newest, self._stay.last)
        missing = self._lost(last, newest + 1, page.asked)
        if missing is None:
            return
        if shown.get(missing.seq, page.asked) < page.asked:
            self._add(
                "PAG-3",
                f"was told that nothing is newer than seq {last}, but seq {missing.seq} was readable",
                missing.existed,
                page,
            )
        else:
            self._add(
                "STA-1" if missing.call is not None else "ORD-7",
                f"read the history up to seq {last}, and seq {missing.seq} was not in it, although it "
                f"had been {'accepted' if missing.call is not None else 'received'} before",
                missing.existed,
                page,
            )

    def _surely_nothing_after(self, page: PageRead, last: int) -> bool:
        """Whether no entry above `last` can have been visible when the page was answered."""
        if self._stay is not None and self._stay.last is not None and last >= self._stay.last:
            return True
        if self._log.unborn(last + 1) > page.n:
            return True
        return last >= self._log.heads.top and any(
            other.asked > page.n
            and not other.has_newer
            and other.entries[-1:]
            and other.entries[-1].seq <= last
            for other in self._log.pages
        )

    # ── walks ─────────────────────────────────────────────────────────────────────────────────

    def judge_walk(self, walk: WalkDone, pages: list[PageRead]) -> None:
        """From page to page nothing is missing or twice, and a whole walk reaches the first entry."""
        requirement = _WALKS[walk.direction]
        ordered = pages if walk.direction == "after" else pages[::-1]
        for one, other in pairwise(ordered):
            last, first = one.entries[-1].seq, other.entries[0]
            if first.seq <= last:
                self._add(
                    requirement,
                    f"walked the history {walk.direction} and got seq {first.seq} on two pages",
                    one,
                    other,
                )
            elif first.seq > last + 1 and not begins_membership(first, walk.user_id):
                lost = self._lost(last, first.seq, max(one.asked, other.asked))
                if lost is not None:
                    self._add(
                        requirement,
                        f"walked the history {walk.direction} and missed seq {lost.seq}, between a page "
                        f"up to seq {last} and one from seq {first.seq}",
                        lost.existed,
                        one,
                        other,
                    )
        start = ordered[0].entries[0].seq
        if walk.whole and self._stay is not None and start > self._stay.first:
            lost = self._lost(self._stay.first - 1, start, walk.asked)
            if lost is not None:
                self._add(
                    requirement,
                    f"walked the whole history {walk.direction}, and it began at seq {start}, without "
                    f"seq {lost.seq}",
                    lost.existed,
                    walk,
                )
