"""A result on its way into the online store, and the proof that it has arrived.

Each row that a run writes is read back before the run publishes. What the marker says of the whole group, how many rows
it has and their checksum, comes about in one of two ways:

- counted on: the marker before, less the rows that were replaced, plus those that were read back. So a run that changes
  little costs little, however large the group is. That the store holds no row more or less is checked by their number.
- counted anew, by a scan: after a whole computation, and wherever a row may be in the store that the marker before does
  not know of, because somebody had the lease since.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from featurestore.errors import NotVerifiedError
from featurestore.materialize.leasing import KeptLease
from featurestore.materialize.rows import Packing, Pair, Tally, batched
from featurestore.materialize.staging import Staged
from featurestore.spi.codec import ORDER, Marker, encode_marker, row_order
from featurestore.spi.online import GroupKey, OnlineStore

__all__ = ["Storing", "Written", "counted_on", "verified", "written"]


@dataclass(frozen=True, kw_only=True)
class Storing:
    """What is stored, and where.

    Args:
        store: The online store.
        key: The group in it.
        name: What the run is called in messages.
        packing: How rows are packed.
        staged: The result.
        whole: Whether the result is of all entities, so that those that it lacks become empty.
        counted: The marker whose count can be counted on; None where the store is to be scanned.
    """

    store: OnlineStore
    key: GroupKey
    name: str
    packing: Packing
    staged: Staged
    whole: bool
    counted: Marker | None

    def pairs(self) -> Iterator[list[Pair]]:
        """The result's keys and rows, in parts."""
        return batched(pair for batch in self.staged.batches() for pair in self.packing.pairs(batch))

    def present(self, pairs: list[Pair]) -> list[Pair]:
        """The rows that the store has for the keys of ``pairs``."""
        keys = [key for key, _ in pairs]
        rows = self.store.get_many({self.key: keys})[self.key].rows
        return [(key, row) for key, row in zip(keys, rows, strict=True) if row is not None]


@dataclass(frozen=True, slots=True)
class Written:
    """What must be in the store now.

    Args:
        result: The rows of the result.
        emptied: Those of entities that it lacks.
        replaced: The rows in whose place the result came; None where the marker before may not have counted them.
    """

    result: Tally
    emptied: Tally
    replaced: Tally | None

    @property
    def rows(self) -> int:
        """How many rows were written."""
        return self.result.rows + self.emptied.rows


def counted_on(before: Marker | None, token: int) -> Marker | None:
    """The marker, if nobody had the lease between its run and the one of ``token``: then all rows are counted in it."""
    return before if before is not None and before.token + 1 == token else None


def written(storing: Storing, kept: KeptLease) -> Written:
    """Writes the result."""
    kept.step("write", 0, storing.staged.rows)
    result = emptied = Tally()
    replaced = None if storing.counted is None else Tally()
    for pairs in storing.pairs():
        if storing.counted is not None and replaced is not None:
            counted = _replaced(storing, storing.counted, pairs)
            replaced = None if counted is None else replaced + counted
        storing.store.put_many(storing.key, pairs)
        result += Tally.of(pairs)
        kept.step("write", result.rows, storing.staged.rows)
    if storing.whole:
        kept.step("empty")
        for pairs in batched(_vanished(storing)):
            storing.store.put_many(storing.key, pairs)
            emptied += Tally.of(pairs)
            kept.step("empty", emptied.rows)
    return Written(result, emptied, replaced)


def _replaced(storing: Storing, counted: Marker, pairs: list[Pair]) -> Tally | None:
    """The tally of the rows that ``pairs`` will replace; None if one is newer than the marker that counts them."""
    present = storing.present(pairs)
    newest = encode_marker(counted)[ORDER]
    return Tally.of(present) if all(row_order(row) <= newest for _, row in present) else None


def _vanished(storing: Storing) -> Iterator[Pair]:
    """Entities that the store holds and the whole result lacks: all their rows are older than what was written."""
    order, empty = storing.packing.order, storing.packing.empty
    return ((key, empty) for key, row in storing.store.scan(storing.key) if row_order(row) < order)


def verified(storing: Storing, written: Written, kept: KeptLease) -> Tally:
    """The tally of the whole group, once the store is proven to hold all that was written.

    Raises:
        NotVerifiedError: it does not.
        LeaseLostError: it does not, since another run has taken the group over.
    """
    kept.step("verify")
    if storing.counted is None or written.replaced is None:
        return _scanned(storing, written, kept)
    return _read_back(storing, written.result, Tally.in_marker(storing.counted) - written.replaced, kept)


def _read_back(storing: Storing, expected: Tally, others: Tally, kept: KeptLease) -> Tally:
    """``others`` are the rows of the group that the run has not written."""
    order = storing.packing.order
    own = Tally()
    for pairs in storing.pairs():
        own += Tally.of([(key, row) for key, row in storing.present(pairs) if row_order(row) == order])
        kept.step("verify", own.rows, expected.rows)
    if own != expected:
        kept.confirm()
        raise _not_verified(storing, expected, own)
    whole = others + own
    held = storing.store.count(storing.key)
    if held != whole.rows:
        kept.confirm()
        message = (
            f"{storing.name}: the store holds {held:,} rows of the group, and {whole.rows:,} are known to have been "
            "written. Rows were lost or added during the run, and not by it."
        )
        hint = "Nothing was published. Find out who else writes to the store or evicts from it; --rebuild repairs it."
        raise NotVerifiedError(message, where=str(storing.key), hint=hint)
    return whole


def _scanned(storing: Storing, written: Written, kept: KeptLease) -> Tally:
    """Counts all rows of the group anew.

    Rows of a later boundary, which a run left that was killed before it could publish, stay in the place of ours; their
    keys are held in memory.
    """
    order = storing.packing.order
    whole = own = Tally()
    newer: set[bytes] = set()
    for pairs in batched(storing.store.scan(storing.key)):
        whole += Tally.of(pairs)
        own += Tally.of([(key, row) for key, row in pairs if row_order(row) == order])
        newer.update(key for key, row in pairs if row_order(row) > order)
        kept.step("verify", whole.rows)
    expected = written.result
    if newer:
        kept.confirm()  # That newer rows come from a run that has taken over is the likelier reason.
        expected = Tally()
        for pairs in storing.pairs():
            expected += Tally.of([(key, row) for key, row in pairs if key not in newer])
    expected += written.emptied
    if own != expected:
        raise _not_verified(storing, expected, own)
    return whole


def _not_verified(storing: Storing, expected: Tally, own: Tally) -> NotVerifiedError:
    differ = "" if own.rows != expected.rows else ", and their values differ"
    message = f"{storing.name}: {expected.rows:,} rows were written, and the store holds {own.rows:,} of them{differ}."
    return NotVerifiedError(message, where=str(storing.key), hint="Nothing was published. Run it again.")
