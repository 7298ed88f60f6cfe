"""New versions for definitions, as a patch of the files that they are written in."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from featurestore.definitions.origin import Origin
from featurestore.definitions.references import check_version, parse_ref
from featurestore.definitions.resolution import Definitions
from featurestore.definitions.resolved import Definition
from featurestore.errors import PlanError
from featurestore.plan.graph import downstream as all_downstream
from featurestore.plan.graph import reversed_edges
from featurestore.plan.places import Place, Sources, pins, place_of, written_version
from featurestore.spi.files import replace_file

__all__ = ["Patch", "bump"]

COUNTED = re.compile(r"([A-Za-z]+)(\d+)")
"""Versions whose successor is known: letters and a number, as in v1."""


@dataclass(frozen=True)
class Patch:
    """Edits of files, not made yet.

    Args:
        files: Path to the old text and the new.
        refs: Old id and new id of each definition that gets a new version.
    """

    files: Mapping[str, tuple[str, str]]
    refs: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The edits as a unified diff, with paths as seen from the current folder."""
        return "".join(line for file, texts in self.files.items() for line in _diff(_shown(file), *texts))

    def write(self) -> None:
        """Makes the edits, each file whole or not at all.

        Raises:
            PlanError: a file is not what it was when the patch was made; nothing is written then.
        """
        for file, (old, _) in self.files.items():
            if Path(file).read_bytes() != old.encode():
                message = "The file has changed since the patch was made; nothing was written."
                raise PlanError(message, where=file, hint="Make the patch anew.")
        for file, (_, new) in self.files.items():
            replace_file(Path(file), new.encode())


def bump(
    definitions: Definitions,
    id: str,
    *,
    downstream: bool = False,
    to: str | None = None,
    registered: Collection[str] = (),
) -> Patch:
    """The patch that gives a definition its next version: v2 after v1, or the next that is free.

    Definitions that are written in one place (those of a class, those of a loop) share their version and get the new
    one together. References to them in the project's files, as in ``fs.use("spend@v1")``, follow.

    Args:
        definitions: The project's.
        id: The definition, as ``[kind:]name[@version]``, or a class of features by its name.
        downstream: Whether all that follows from it, and has a version of its own, gets a new one too.
        to: The version that it gets, and those downstream whose next version cannot be counted.
        registered: Ids whose versions are taken, besides those of the project.

    Raises:
        PlanError: the place of a version cannot be found, or the next version is not known.
        DefinitionError: ``id`` names nothing, or ``to`` cannot be a version.
    """
    first = _named(definitions, id)
    if written_version(first) is None:
        message = f"{first.id} has the version that its content gives; a change of it needs no bump."
        raise PlanError(message, where=str(first.origin))
    check_version(to, first.id)
    sources = Sources()
    places = _places(definitions, first, sources, follow=downstream)
    taken = {*definitions.by_id, *registered}
    renamed: dict[str, str] = {}
    for number, (place, members) in enumerate(places.items()):
        version = _next(place, members, taken, to, wanted=number == 0)
        renamed |= {member.id: f"{member.kind}:{member.ref.name}@{version}" for member in members}
    edits = {place: renamed[members[0].id].rpartition("@")[2] for place, members in places.items()}
    for file in dict.fromkeys(one.origin.file for one in definitions):
        if Path(file).is_file():  # a cell of a notebook is none
            edits |= pins(sources[file], renamed)
    return Patch(_edited(edits, sources), tuple(renamed.items()))


def _named(definitions: Definitions, text: str) -> Definition:
    ref = parse_ref(text.rpartition(":")[2])
    for one in definitions.of_kind("feature"):
        if one.ref.name.startswith(f"{ref.name}.") and ref.version in {None, one.ref.version}:
            return one
    return definitions.find(text)


def _places(
    definitions: Definitions, first: Definition, sources: Sources, *, follow: bool
) -> Mapping[Place, list[Definition]]:
    """Where versions are to be edited, the named definition's first, and the definitions that each is of."""
    users = reversed_edges({one.id: one.inputs for one in definitions})
    found: dict[Place, list[Definition]] = {}
    waiting = [first]
    while waiting:
        one = waiting.pop(0)
        place = place_of(one, sources)
        if place in found:
            continue
        beside = [other for other in definitions if other.origin == one.origin and written_version(other) is not None]
        found[place] = [other for other in beside if place_of(other, sources) == place]
        if follow:
            below = [definitions.by_id[id] for member in found[place] for id in all_downstream(users, member.id)]
            waiting += [other for other in below if written_version(other) is not None]
    return found


def _next(place: Place, members: list[Definition], taken: Collection[str], to: str | None, *, wanted: bool) -> str:
    counted = COUNTED.fullmatch(place.version)
    if to is not None and (wanted or counted is None):
        clash = [one.id for one in members if f"{one.kind}:{one.ref.name}@{to}" in taken]
        if clash:
            message = f"{clash[0].partition('@')[0]}@{to} is taken."
            raise PlanError(message, hint="Choose another version.")
        return to
    if counted is None:
        message = f"What follows the version {place.version!r} of {members[0].id} cannot be told."
        raise PlanError(message, where=str(members[0].origin), hint="Say which version it shall get, with --to.")
    number = int(counted[2]) + 1
    while any(f"{one.kind}:{one.ref.name}@{counted[1]}{number}" in taken for one in members):
        number += 1
    return f"{counted[1]}{number}"


def _edited(edits: Mapping[Place, str], sources: Sources) -> Mapping[str, tuple[str, str]]:
    files: dict[str, tuple[str, str]] = {}
    for place in sorted(edits, key=lambda place: (place.file, -place.start)):
        if place.file not in files:
            old = sources[place.file].content.decode()
            files[place.file] = (old, old)
        old, new = files[place.file]
        # Places are positions in bytes; going backwards keeps those that are left.
        content = new.encode()
        content = content[: place.start] + edits[place].encode() + content[place.end :]
        files[place.file] = (old, content.decode())
    return files


def _diff(path: str, old: str, new: str) -> Iterator[str]:
    for line in difflib.unified_diff(_lines(old), _lines(new), f"a/{path}", f"b/{path}"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _shown(file: str) -> str:
    return str(Origin(file, 1)).rpartition(":")[0].lstrip("/")


def _lines(text: str) -> list[str]:
    """Lines as diff and patch see them: they end with a newline only."""
    return [line for line in re.split(r"(?<=\n)", text) if line]
