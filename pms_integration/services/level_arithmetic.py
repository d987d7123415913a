"""Which facts a figure of a PMS includes, and what a report therefore changes: both cases (DESIGN §5, ADR 7).

    on_hand = the last figure + the changes of the PMS and the movements of ours that the figure does not include

In both, a figure includes the PMS's changes up to its moment. What it includes of ours depends on the connection:

- `InboundLevel`: a PMS that is not told of our movements. Its figure includes those up to its moment, as a count of
  staff does: both are absolute counts, of which the latest holds. So a figure is a `ReportedCount`, and a change that
  is earlier than the latest count of either kind is balanced, by `inventory/services/external_changes.py`.
- `PushedLevel`: a PMS that is told of them. Its figure includes those that the PMS applied up to its moment, as its
  acknowledgement says; one that was never pushed, because it is older than the connection or opened the level, by its
  own moment. A count of staff is a movement of ours like others, and what was counted stays: a fact of an earlier
  moment that comes later is balanced by one more `count` movement, which is pushed.

Where the PMS has owned the stock, its last figure of that time still counts, in both cases: later ones are for
comparison only. Moments of the PMS are compared with each other as they are, and with ours by our clock (`clocks.py`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain

from inventory.level_fields import LevelState
from inventory.models import Reason
from inventory.services import Correction, ReportedChange, ReportedCount
from inventory.services.external_changes import note_of_kept_count
from inventory.services.levels import Key
from pms_integration.models import PMSConnection
from pms_integration.services.clocks import by_our_clock
from pms_integration.services.figure_sums import Asked, Sums, sums_not_included
from pms_integration.services.figures import StoredFigure
from pms_integration.services.stock_pushes.recording import is_pushed_to

Fact = ReportedChange | ReportedCount | Correction


@dataclass(slots=True)
class InboundLevel:
    """A locked level of a PMS that is not told of our movements, while facts are applied to it in turn.

    `included_until` is the moment of the last figure that was applied to it, `before_count_at` that of the latest one
    that was not later than the count, where that one is.
    """

    key: Key
    state: LevelState
    included_until: datetime | None
    before_count_at: datetime | None

    def is_superseded(self, moment: datetime) -> bool:
        """Whether the last figure includes a change of the PMS of this moment."""
        return self.included_until is not None and moment <= self.included_until

    def change(self, change: ReportedChange) -> Iterator[Fact]:
        """A change of the PMS."""
        if not self.is_superseded(change.reported_at or change.occurred_at):
            yield change

    def take_figure(self, figure: StoredFigure, origin: ReportedChange) -> Iterator[Fact]:
        """A figure that is the latest one now; `origin` names its report."""
        self.included_until = figure.reported_at
        yield ReportedCount(
            level=self.key,
            on_hand=figure.on_hand,
            occurred_at=origin.occurred_at,
            note=origin.note,
            source=origin.source,
            request_id=origin.request_id,
        )

    def take_late_figure(self, figure: StoredFigure, origin: ReportedChange) -> Iterator[Fact]:
        """A figure that is not the latest one: it changes nothing."""
        yield from ()

    def acknowledge(
        self, delta: int, *, made_at: datetime, applied_at: datetime, origin: ReportedChange
    ) -> Iterator[Fact]:
        """A movement of ours of which this PMS was told when it was called: its own moment counts."""
        yield from ()


@dataclass(slots=True)
class PushedLevel(InboundLevel):
    """The same of a PMS that is told of them."""

    # How far the PMS's clock is ahead.
    offset: timedelta
    sums: Sums
    # What the facts before have changed, and those that no stored sum has: the PMS's changes by both clocks, our
    # movements by the moments at which they were made and applied, and the movements that the latest count was given.
    changed: int = 0
    changes: list[tuple[datetime, datetime, int]] = field(default_factory=list)
    acknowledged: list[tuple[datetime, datetime, int]] = field(default_factory=list)
    counted: int = 0

    @property
    def count(self) -> tuple[int, datetime] | None:
        """What staff counted last, and when. A figure that was stored as a count, before we pushed, is none."""
        on_hand, moment = self.state.counted_on_hand, self.state.counted_at
        if on_hand is None or moment is None:
            return None
        return None if moment == self.included_until else (on_hand, moment)

    def sums_for(self, moment: datetime) -> Iterator[Asked]:
        """What has to be known when a figure of this moment is taken."""
        yield self.state.id, moment, None
        if self.count is not None and self._is_before_count(moment):
            yield self.state.id, moment, self.count[1]

    def change(self, change: ReportedChange) -> Iterator[Fact]:
        """A change of the PMS."""
        moment, delta = change.reported_at or change.occurred_at, change.delta
        is_before_count = self._is_before_count(moment)
        if not self.is_superseded(moment):
            yield self._write(change)
            if is_before_count:
                yield self._count_again(-delta, change)
        elif is_before_count and not self._figure_before_count_includes(moment) and self.included_until is not None:
            # What staff counted has it, the figure after the count too: the PMS would have it once too often.
            yield self._write(change)
            undone = replace(change, source=f"{change.source}:included")
            yield self._correct(-delta, self._ours(self.included_until), undone, "The figure includes it.")
            yield self._count_again(-delta, change)

    def take_figure(self, figure: StoredFigure, origin: ReportedChange) -> Iterator[Fact]:
        """A figure that is the latest one now; `origin` names its report."""
        before_count_at = None
        is_before_count = self._is_before_count(figure.reported_at)
        if not is_before_count:
            before_count_at = self._moment_before_count()
        forgets_count = self.count is None and self.state.counted_at is not None
        target = figure.on_hand + self._not_included(figure.reported_at, None)
        delta = target - self.state.on_hand - self.changed
        self.included_until, self.before_count_at = figure.reported_at, before_count_at
        if forgets_count:
            self.state = self.state._replace(counted_on_hand=None, counted_at=None)
        if delta or forgets_count:
            yield self._correct(delta, origin.occurred_at, origin, origin.note, forgets_count=forgets_count)
        if delta and is_before_count:
            yield self._count_again(-delta, origin)

    def take_late_figure(self, figure: StoredFigure, origin: ReportedChange) -> Iterator[Fact]:
        """A figure that is not the latest one, but may be the latest one that is not later than the count."""
        moment, last = figure.reported_at, self.included_until
        if last is None or self.count is None or self._is_before_count(last):
            return
        if not self._is_before_count(moment) or self._figure_before_count_includes(moment):
            return
        known = figure.on_hand + self._not_included(moment, self.count[1])
        delta = self.count[0] - known
        self.before_count_at = moment
        if delta:
            note = f"{origin.note}: it was not known when the stock was counted."
            later = replace(origin, source=f"{origin.source}:counted")
            yield self._correct(-delta, origin.occurred_at, origin, note)
            yield self._correct(delta, self._ours(last), later, note)
            yield self._count_again(delta, origin)

    def acknowledge(
        self, delta: int, *, made_at: datetime, applied_at: datetime, origin: ReportedChange
    ) -> Iterator[Fact]:
        """A movement of ours, made at a moment of our clock, of which the PMS says when it has applied it."""
        self.acknowledged.append((made_at, applied_at, delta))
        if self.included_until is None or applied_at > self.included_until:
            return
        moment = self._ours(self.included_until)
        is_before_count = self.count is not None and made_at <= self.count[1]
        was_known = is_before_count and self._figure_before_count_includes(applied_at)
        if was_known:
            moment = self._ours(self._moment_before_count() or self.included_until)
        elif self.count is not None:
            # What changes after a count has a later moment.
            moment = max(moment, self.count[1] + datetime.resolution)
        yield self._correct(-delta, moment, origin, "The PMS's figure includes it.")
        if was_known:
            yield self._count_again(delta, origin)

    def _not_included(self, moment: datetime, until: datetime | None) -> int:
        end = until or datetime.max.replace(tzinfo=UTC)
        total = self.sums[self.state.id, moment, until]
        total += sum(
            delta for reported_at, occurred_at, delta in self.changes if moment < reported_at and occurred_at <= end
        )
        total -= sum(
            delta for made_at, applied_at, delta in self.acknowledged if applied_at <= moment and made_at <= end
        )
        return total + self.counted

    def _ours(self, moment: datetime) -> datetime:
        return by_our_clock(moment, self.offset)

    def _is_before_count(self, moment: datetime) -> bool:
        return self.count is not None and self._ours(moment) <= self.count[1]

    def _moment_before_count(self) -> datetime | None:
        """The moment of the latest figure that is not later than the count."""
        if self.included_until is None or self.count is None:
            return None
        return self.included_until if self._is_before_count(self.included_until) else self.before_count_at

    def _figure_before_count_includes(self, moment: datetime) -> bool:
        known = self._moment_before_count()
        return known is not None and moment <= known

    def _write(self, change: ReportedChange) -> ReportedChange:
        self.changes.append((change.reported_at or change.occurred_at, change.occurred_at, change.delta))
        self.changed += change.delta
        return replace(change, keeps_count=False)

    def _count_again(self, delta: int, origin: ReportedChange) -> ReportedChange:
        """One more movement of the latest count, so that what was counted stays. It is ours: without a source."""
        if self.count is None:
            raise TypeError(origin)
        self.counted += delta
        self.changed += delta
        return ReportedChange(
            level=self.key,
            delta=delta,
            occurred_at=self.count[1],
            reason=Reason.COUNT,
            note=note_of_kept_count(self.count[1], origin),
            source="",
            request_id=origin.request_id,
            keeps_count=False,
        )

    def _correct(
        self, delta: int, moment: datetime, origin: ReportedChange, note: str, *, forgets_count: bool = False
    ) -> Correction:
        self.changed += delta
        return Correction(
            level=self.key,
            delta=delta,
            occurred_at=moment,
            note=note,
            source=origin.source,
            request_id=origin.request_id,
            forgets_count=forgets_count,
        )


def levels_of(
    pms: PMSConnection,
    states: Mapping[Key, LevelState],
    figures: Mapping[Key, StoredFigure],
    *,
    offset: timedelta,
    reported: Iterable[tuple[Key, datetime]],
) -> dict[Key, InboundLevel]:
    """The locked levels, with what has to be known when these figures, by their levels and moments, are taken."""
    moments = {key: (known.included_until, known.before_count_at) for key, known in figures.items()}
    if not is_pushed_to(pms):
        return {key: InboundLevel(key, state, *moments.get(key, (None, None))) for key, state in states.items()}
    sums: Sums = {}
    pushed = {
        key: PushedLevel(key, state, *moments.get(key, (None, None)), offset, sums) for key, state in states.items()
    }
    asked = chain.from_iterable(pushed[key].sums_for(moment) for key, moment in reported)
    sums |= sums_not_included(pms, asked, offset=offset)
    return dict(pushed)
