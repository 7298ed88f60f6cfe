"""What each kind of definition puts into its fingerprint: the logic, and apart from it the metadata.

In neither: names and versions, where a definition is written, registration order, and bindings.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from featurestore.definitions.code import Code
from featurestore.definitions.entities import Entity
from featurestore.definitions.expressions import AsofJoin
from featurestore.definitions.fingerprints import node_document, schema_document
from featurestore.definitions.nodes import Node, columns_read
from featurestore.definitions.on_demand import OnDemand
from featurestore.definitions.resolved import (
    DerivedFeature,
    ResolvedLabel,
    Schedule,
    SelectedFeature,
    SourceTable,
    StoredFeature,
    Table,
    sources_of,
)
from featurestore.definitions.services import Label, TrainingSet
from featurestore.definitions.sources import Source
from featurestore.definitions.sql_text import canonical_sql
from featurestore.definitions.transformations import Transformation
from featurestore.definitions.types import DataType, Schema

__all__ = [
    "derived_logic",
    "entity_logic",
    "label_logic",
    "metadata",
    "on_demand_logic",
    "service_logic",
    "source_logic",
    "step_logic",
    "stored_logic",
    "training_set_logic",
    "version_ties",
]

Document = dict[str, Any]


def metadata(definition: Any, default_owner: str) -> Document:
    """Description, owner and tags, for people."""
    tags = definition.tags
    return {
        "description": definition.description,
        "owner": definition.owner or default_owner,
        "tags": {column: sorted(marks) for column, marks in tags.items()}
        if isinstance(tags, Mapping)
        else sorted(tags),
    }


def entity_logic(entity: Entity) -> Document:
    """Name, keys and their types, in order."""
    return {"kind": "entity", "name": entity.name, "keys": [[key, str(entity.keys[key])] for key in entity.keys]}


def source_logic(source: Source, schema: Schema) -> Document:
    """What a row means in time, with the types of the columns that say so. Other columns belong to who reads them."""
    return {
        "kind": "source",
        "name": source.name,
        "event_time": source.event_time,
        "created_time": source.created_time,
        "known_after": source.known_after,
        "key": list(source.key),
        "deleted": source.deleted,
        "keys": dict(source.keys),
        "columns": schema_document({name: schema[name] for name in source.own_columns() if name in schema}),
    }


def step_logic(
    step: Transformation[..., Any],
    inputs: Mapping[str, Table],
    sql: str | None,
    join: AsofJoin | None,
    code: Code,
    dialect: str,
) -> Document:
    """The text of the query or the code, how it treats time, and the inputs.

    With it go the types of the source columns that the text may read: for SQL those that it names, for code all.
    """
    document: Document = {
        "kind": "transformation",
        "engine": step.engine,
        "time": step.time,
        "declares": {
            "columns": schema_document(step.columns),
            "event_time": step.event_time,
            "created_time": step.created_time,
            "known_after": step.known_after,
            "key": list(step.key),
        },
        "inputs": {name: table.fingerprint.logic for name, table in inputs.items()},
    }
    if sql is not None:
        read = _words_read(step, sql)
        return document | {"dialect": dialect, "sql": canonical_sql(sql), "columns": _types(inputs.values(), read)}
    if join is not None:
        document |= {"asof_join": [join.left, join.right, list(join.on)]}
    return document | {"code": code.document, "columns": _types(inputs.values(), None)}


MIXING = frozenset({"union", "intersect", "except", "distinct", "natural"})
"""Words with which ``*`` makes the rows depend on which columns there are, and in which order."""
UNNAMED = frozenset({"columns", "pivot", "unpivot", "summarize", "table"})
"""Words that read columns without naming them, and without ``*``."""


def _words_read(step: Transformation[..., Any], sql: str) -> set[str] | None:
    """The words of a SQL text: more than the columns that it reads, and never fewer. None: it may read all columns."""
    tokens = [part.lower() for part in canonical_sql(sql)]
    words = _words(" ".join(tokens))
    starred = any(part == "*" and tokens[at - 1 : at + 2] != ["(", "*", ")"] for at, part in enumerate(tokens))
    starred = starred or tokens.count("from") > tokens.count("select")  # some dialects read `FROM t` as all of t
    mixing = step.time != "row_wise" or bool(words & MIXING)
    return None if words & UNNAMED or (starred and mixing) else words


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _types(tables: Iterable[Table], words: set[str] | None) -> Document:
    """Source to its columns and types, of the columns whose name is made of ``words`` (None: of all, in order)."""
    return {
        source.name: [[name, str(kind)] for name, kind in source.schema.items()]
        if words is None
        else schema_document({name: kind for name, kind in source.schema.items() if _words(name) <= words})
        for table in tables
        for source in sources_of(table)
    }


def _read_from(table: Table, columns: Iterable[str]) -> Document:
    return {"table": table.fingerprint.logic, "columns": _types([table], _words(" ".join(columns)))}


def stored_logic(entity: Entity, schedule: Schedule, table: Table, expression: Node) -> Document:
    """Expression, schedule, entity and table, with the types of the columns that are read."""
    return {
        "kind": "feature",
        "entity": entity_logic(entity),
        "every": schedule.every,
        "delay": schedule.delay,
        "publish_within": schedule.publish_within,
        "offset": schedule.offset,
        "expression": node_document(expression),
        **_read_from(table, (*columns_read(expression), *_key_columns(entity, table))),
    }


def version_ties(definition: StoredFeature | ResolvedLabel) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Of each keyed source below: the columns, in name order, that break ties between equally new versions.

    They are those whose types the definition's fingerprint covers, directly and through the steps in between, so that
    neither another feature nor another column of the source can change the choice.
    """
    if isinstance(definition, StoredFeature):
        read = (*definition.columns_read, *_key_columns(definition.entity, definition.table))
    else:
        label = definition.label
        read = (label.column, *_key_columns(label.entity, definition.table))
    below = _words_below(definition.table)
    words = None if below is None else below | _words(" ".join(read))
    return tuple(
        (source.name, tuple(sorted(name for name in source.schema if words is None or _words(name) <= words)))
        for source in sources_of(definition.table)
        if source.source.key
    )


def _words_below(table: Table) -> set[str] | None:
    """The words of the SQL steps below; None where a step may read all columns."""
    if isinstance(table, SourceTable):
        return set()
    own = None if table.sql is None else _words_read(table.transformation, table.sql)
    found = [own, *(_words_below(given) for given in table.inputs.values())]
    return None if None in found else set().union(*(words for words in found if words is not None))


def _key_columns(entity: Entity, table: Table) -> list[str]:
    renamed = {key: column for source in sources_of(table) for key, column in source.source.keys.items()}
    return [name for key in entity.keys for name in (key, renamed.get(key, key))]


def derived_logic(entity: Entity, inputs: Mapping[str, StoredFeature | DerivedFeature], expression: Node) -> Document:
    """Expression and inputs."""
    return {
        "kind": "derived",
        "entity": entity_logic(entity),
        "expression": node_document(expression),
        "inputs": {name: given.fingerprint.logic for name, given in inputs.items()},
    }


def on_demand_logic(
    definition: OnDemand[..., Any], inputs: Mapping[str, SelectedFeature | DataType | None], code: Code
) -> Document:
    """Code, types of what goes in and comes out, and the features taken, with their roles."""
    nullable = {given.parameter: given.nullable for given in definition.inputs}
    prefix = f"{definition.name}_" if definition.is_tuple else definition.name
    return {
        "kind": "on_demand",
        "code": code.document,
        "inputs": [[name, _taken(given), nullable[name]] for name, given in inputs.items()],
        "outputs": [[column.removeprefix(prefix), str(data_type)] for column, data_type in definition.outputs],
    }


def _taken(given: SelectedFeature | DataType | None) -> Any:
    if given is None:
        return "time"
    return {"request": str(given)} if isinstance(given, DataType) else _selection(given)


def _selection(selected: SelectedFeature) -> Document:
    return {"feature": selected.feature.fingerprint.logic, "role": [list(pair) for pair in selected.role]}


def service_logic(features: Iterable[SelectedFeature]) -> Document:
    """Columns in order, and what is in them."""
    return {"kind": "service", "features": [[list(part.columns), _selection(part)] for part in features]}


def label_logic(label: Label, table: Table) -> Document:
    """Column, entity, maturity and table."""
    return {
        "kind": "label",
        "column": label.column,
        "entity": entity_logic(label.entity),
        "matures_after": label.matures_after,
        **_read_from(table, (label.column, *_key_columns(label.entity, table))),
    }


def training_set_logic(
    training_set: TrainingSet, label: ResolvedLabel, features: Iterable[SelectedFeature]
) -> Document:
    """Label, features, and whether rows without a label stay."""
    return {
        "kind": "training_set",
        "label": label.fingerprint.logic,
        "features": service_logic(features)["features"],
        "drop_null_labels": training_set.drop_null_labels,
    }
