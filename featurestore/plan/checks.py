"""What can be refused without data, over all definitions of a project."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from featurestore.compiler.compile import check_times, compile_label, compile_values
from featurestore.compiler.steps import analyze
from featurestore.compiler.vector import feature_type, layout_of
from featurestore.definitions.resolution import Definitions
from featurestore.definitions.resolved import (
    Definition,
    DerivedFeature,
    OnDemandFeature,
    ResolvedLabel,
    ResolvedService,
    ResolvedTrainingSet,
    SelectedFeature,
    SourceTable,
    StepTable,
    StoredFeature,
)
from featurestore.errors import FeaturestoreError, RefusedPlanError, SchemaChangedError
from featurestore.spi.capabilities import EVERYTHING, Capabilities
from featurestore.spi.refusals import refuse_feature, refuse_label
from featurestore.spi.stores import SourceProbe
from featurestore.training.inputs import check_inputs

__all__ = ["check_definitions"]

ANY_TIME = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


def check_definitions(
    definitions: Definitions,
    probes: Mapping[str, SourceProbe],
    capabilities: Capabilities = EVERYTHING,
    store: str = "the offline store",
) -> None:
    """Refuses definitions that could not be computed, whatever the data.

    Args:
        definitions: The project's.
        probes: What the engine says of sources; those that are not in it are not compared.
        capabilities: What the target's offline store can compute.
        store: That store, for errors.

    Raises:
        FeaturestoreError: one of its kinds, if one thing is wrong.
        RefusedPlanError: several things are wrong; it lists them all.
    """
    errors: dict[str, FeaturestoreError] = {}
    for one in definitions:
        for error in _errors(one, probes, capabilities, store):
            error.where = error.where or f"{one.origin} ({one.ref})"
            # What is wrong with a step is found again in all that reads it.
            errors.setdefault(str(error), error)
    if len(errors) == 1:
        raise next(iter(errors.values()))
    if errors:
        listed = "\n".join(f"{number}. {text}" for number, text in enumerate(errors, 1))
        message = f"{len(errors)} things are wrong with the project's definitions.\n{listed}"
        raise RefusedPlanError(message)


def _errors(
    one: Definition, probes: Mapping[str, SourceProbe], capabilities: Capabilities, store: str
) -> Iterator[FeaturestoreError]:
    try:
        _check(one)
        if isinstance(one.resolved, StoredFeature):
            refuse_feature(one.resolved, capabilities, store)
        if isinstance(one.resolved, ResolvedLabel):
            refuse_label(one.resolved, capabilities, store)
    except FeaturestoreError as error:
        yield error
    if isinstance(one.resolved, SourceTable) and one.ref.name in probes:
        found = _schema_error(one.resolved, probes[one.ref.name])
        if found is not None:
            yield found


def _check(one: Definition) -> None:
    match one.resolved:
        case SourceTable() as table:
            check_times(table)
        case StepTable() as step:
            analyze(step)
        case StoredFeature() as feature:
            compile_values(layout_of([SelectedFeature(feature, (feature.feature.column,))]))
        case DerivedFeature() as feature:
            feature_type(feature)
        case OnDemandFeature() as feature:
            layout_of([SelectedFeature(feature, feature.definition.columns)])
        case ResolvedService(features=features):
            layout_of(features)
        case ResolvedLabel() as label:
            compile_label(label, ANY_TIME)
        case ResolvedTrainingSet() as training_set:
            check_inputs(training_set)


def _schema_error(table: SourceTable, probe: SourceProbe) -> SchemaChangedError | None:
    """The difference between the columns that are written down and those that the engine has; more columns are none."""
    gone = [name for name in table.schema if name not in probe.columns]
    other = [name for name, data_type in table.schema.items() if probe.columns.get(name, data_type) != data_type]
    if not gone and not other:
        return None
    parts = [_gone(name, probe) for name in gone]
    parts += [f"{name} was {table.schema[name]} and is {probe.columns[name]}" for name in other]
    message = f"The source {table.name!r} has changed: {'; '.join(parts)}."
    hint = "Run `featurestore sources pull`, and look at what plan says then."
    return SchemaChangedError(message, where=str(table.source.origin), hint=hint)


def _gone(name: str, probe: SourceProbe) -> str:
    kind: Sequence[str] = [probe.left_out[name]] if name in probe.left_out else []
    return f"{name} is now a {kind[0]}, which has no type here" if kind else f"{name} is not there"
