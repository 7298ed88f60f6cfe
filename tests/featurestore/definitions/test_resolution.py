"""Names lead to what they name, or to an error that helps."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import pytest

import featurestore as fs
from featurestore.definitions.features import Cadence, members
from featurestore.definitions.nodes import aggregates
from featurestore.definitions.origin import collecting
from featurestore.definitions.resolution import Definitions, Settings, define, gathered
from featurestore.definitions.resolved import OnDemandFeature, StepTable, StoredFeature
from featurestore.errors import (
    AmbiguousReferenceError,
    CycleError,
    DefinitionError,
    DuplicateDefinitionError,
    ImpureFunctionError,
    ReferenceNotFoundError,
    TypeMismatchError,
    UserCodeError,
)

SCHEMA = {"customer_id": fs.Int64, "t": fs.Timestamp, "amount": fs.Float64, "gone": fs.Bool}
HOUR = 3_600_000_000

customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
orders = fs.Source("orders", path="a", event_time="t")


def steps(version: str) -> Any:
    """A step of some version."""

    @fs.transformation(version=version)
    def paid(orders: fs.Rows) -> str:
        return f"SELECT * FROM {orders} WHERE amount > {len(version)}"

    return paid


def feature(function: Callable[..., Any], **options: Any) -> Any:
    """A feature of the customer."""
    said: dict[str, Any] = {"entity": customer, "version": "v1", "every": "1h"}
    return fs.feature(**said | options)(function)


def _spend(orders: fs.Rows) -> fs.Value:
    return orders.amount.sum()


def _of_paid(paid: fs.Rows) -> fs.Value:
    return paid.amount.sum()


def _twice(spend: fs.Value) -> fs.Value:
    return spend * 2


spend = feature(_spend, name="spend")


@fs.features(entity=customer, source=orders, version="v1", every="1h")
class Habits:
    """What is usual."""

    total = fs.sum("amount")
    n = fs.count()


def resolved(*objects: object, settings: Settings | None = None) -> Definitions:
    """The objects' definitions."""
    return define(objects, {"orders": SCHEMA}, settings or Settings())


def ids(definitions: Definitions) -> list[str]:
    """What is defined, without versions that the content gives."""
    return [one.id if one.ref.version == "v1" else f"{one.kind}:{one.ref.name}" for one in definitions]


def test_what_is_named_as_an_object_comes_along_with_inputs_first() -> None:
    service = fs.FeatureService("s", version="v1", features=[spend.named("a"), Habits])
    assert ids(resolved(service)) == [
        "entity:customer",
        "source:orders",
        "feature:Habits.n@v1",
        "feature:Habits.total@v1",
        "feature:spend@v1",
        "service:s@v1",
    ]


def test_gathering_gives_each_object_once_and_nothing_else() -> None:
    found = gathered([spend, spend.on(customer_id="b"), spend, 3, "spend", Habits, None])
    assert len(found) == len(set(map(id, found)))
    assert set(found) == {spend, customer, orders, *members(Habits)}


def test_a_parameter_is_looked_up_by_name_among_all_definitions() -> None:
    paid = steps("v1")
    found = resolved(feature(_of_paid, name="f"), paid, orders).find("f").resolved
    assert isinstance(found, StoredFeature)
    assert isinstance(found.table, StepTable)
    assert found.table.transformation is paid


def test_a_name_that_leads_nowhere_is_an_error_with_its_place_and_close_names() -> None:
    def lost(ordes: fs.Rows) -> fs.Value:
        return ordes.amount.sum()

    with pytest.raises(ReferenceNotFoundError, match="Did you mean orders") as error:
        resolved(feature(lost), orders)
    assert error.value.where is not None
    assert "test_resolution.py:" in error.value.where


def test_a_bare_name_of_several_versions_is_an_error_that_lists_them() -> None:
    with pytest.raises(AmbiguousReferenceError, match="paid@v1, paid@v2"):
        resolved(feature(_of_paid, name="f"), steps("v1"), steps("v2"), orders)


@pytest.mark.parametrize("by_name", [True, False])
def test_use_pins_a_version(by_name: bool) -> None:
    first, second = steps("v1"), steps("version-2")

    def pinned(rows: Annotated[fs.Rows, fs.use("paid@version-2" if by_name else second)]) -> fs.Value:
        return rows.amount.sum()

    found = resolved(feature(pinned), first, second, orders).find("pinned").resolved
    assert isinstance(found, StoredFeature)
    assert str(found.table.ref) == "paid@version-2"


def test_use_of_a_version_that_is_not_there_is_an_error() -> None:
    def pinned(rows: Annotated[fs.Rows, fs.use("paid@v3")]) -> fs.Value:
        return rows.amount.sum()

    with pytest.raises(ReferenceNotFoundError, match="paid@v3"):
        resolved(feature(pinned), steps("v1"), orders)


def test_a_member_of_a_class_is_found_by_its_column_unless_a_feature_has_that_name() -> None:
    def more(total: fs.Value) -> fs.Value:
        return total + 1

    derived = fs.feature(entity=customer, version="v1")(more)
    assert "feature:Habits.total@v1" in resolved(derived, Habits).find("more").inputs
    assert "feature:total@v1" in resolved(derived, Habits, feature(_spend, name="total")).find("more").inputs


def test_definitions_that_depend_on_themselves_are_a_cycle_that_is_shown() -> None:
    def a(b: fs.Value) -> fs.Value:
        return b

    def b(a: fs.Value) -> fs.Value:
        return a

    pair = [fs.feature(entity=customer, version="v1")(function) for function in (a, b)]
    with pytest.raises(CycleError, match="a -> b -> a"):
        resolved(*pair)


@pytest.mark.parametrize("version", ["v1", None])
def test_one_name_and_version_in_two_places_is_an_error_that_says_both(version: str | None) -> None:
    first = feature(_spend, name="f", version=version)
    second = feature(_of_paid, name="f", version=version)
    with pytest.raises(DuplicateDefinitionError) as error:
        resolved(first, second, orders, steps("v1"))
    assert str(first.origin) in str(error.value)
    assert str(second.origin) in str(error.value)


def test_a_feature_and_a_function_share_their_names_and_a_source_and_a_step_theirs() -> None:
    def function(spend: fs.Request[float]) -> float:
        return spend

    with pytest.raises(DuplicateDefinitionError):
        resolved(spend, fs.on_demand(name="spend", version="v1")(function))
    named = fs.FeatureService("spend", version="v1", features=[spend])
    assert len(resolved(spend, named)) == 4


def test_content_gives_a_version_where_none_is_written() -> None:
    found = resolved(feature(_spend, name="f", version=None)).find("f")
    assert found.ref.version == found.fingerprint.logic[:8]
    assert resolved(orders).find("orders").ref.version == resolved(orders).find("orders").fingerprint.version


def test_defaults_of_the_project_fill_what_a_feature_leaves_out() -> None:
    settings = Settings(cadence=Cadence(every=24 * HOUR, delay=60), owner="team")
    found = resolved(feature(_spend, every=None, offset="1h", owner=""), settings=settings).find("_spend")
    assert isinstance(found.resolved, StoredFeature)
    assert found.resolved.schedule.every == 24 * HOUR
    assert (found.resolved.schedule.delay, found.resolved.schedule.offset) == (60, HOUR)
    assert found.metadata["owner"] == "team"


@pytest.mark.parametrize("options", [{"every": None}, {"every": "0s"}, {"every": "1h", "offset": "1h"}], ids=str)
def test_a_schedule_that_cannot_be_is_refused(options: Any) -> None:
    with pytest.raises(DefinitionError):
        resolved(feature(_spend, **options))


def test_an_error_in_a_users_function_is_theirs_and_says_where() -> None:
    def broken(orders: fs.Rows) -> fs.Value:
        raise KeyError(orders)

    with pytest.raises(UserCodeError, match="broken raised KeyError") as error:
        resolved(feature(broken), orders)
    assert isinstance(error.value.__cause__, KeyError)
    assert "test_resolution.py:" in str(error.value)


def _returns_rows(orders: fs.Rows) -> Any:
    return orders.amount


def _returns_nothing(orders: fs.Rows) -> Any:
    return None


def _two_tables(orders: fs.Rows, paid: fs.Rows) -> fs.Value:
    return orders.amount.sum()


def _both(orders: fs.Rows, spend: fs.Value) -> fs.Value:
    return orders.amount.sum()


def _plain(orders: float) -> fs.Value:
    return fs.count()


def _no_input() -> fs.Value:
    return fs.count()


@pytest.mark.parametrize("function", [_returns_rows, _returns_nothing, _two_tables, _both, _plain, _no_input])
def test_a_function_that_gives_no_expression_over_one_table_is_refused(function: Any) -> None:
    with pytest.raises(DefinitionError):
        resolved(feature(function), orders, steps("v1"), spend)


def test_a_step_that_returns_no_query_is_refused() -> None:
    def nothing(orders: fs.Rows) -> Any:
        return 3

    with pytest.raises(DefinitionError, match="returned int"):
        resolved(fs.transformation()(nothing), orders)


def test_a_step_that_reads_a_clock_is_refused_where_it_does() -> None:
    import time

    def clocked(orders: fs.Rows) -> str:
        return f"SELECT *, {time.time()} FROM {orders}"

    with pytest.raises(ImpureFunctionError, match="reads a clock"):
        resolved(fs.transformation()(clocked), orders)


def _takes_a_source(x: Annotated[float, fs.use(orders)]) -> float:
    return x


def test_a_value_is_taken_of_a_feature_and_not_of_a_table() -> None:
    with pytest.raises(DefinitionError, match="not a feature"):
        resolved(fs.on_demand()(_takes_a_source))


def test_a_table_is_read_and_not_a_feature() -> None:
    def wrong(rows: Annotated[fs.Rows, fs.use(spend)]) -> fs.Value:
        return rows.amount.sum()

    with pytest.raises(DefinitionError, match="not a source or a transformation"):
        resolved(feature(wrong))
    with pytest.raises(DefinitionError):
        resolved(fs.Label("l", source="orders", column="gone", entity=customer))


def test_an_on_demand_feature_takes_features_in_roles() -> None:
    def compare(mine: Annotated[float | None, fs.use(spend)], friend: float | None) -> float:
        return (mine or 0) - (friend or 0)

    friend = spend.on(customer_id="friend_id")
    compare.__annotations__["friend"] = Annotated[float | None, fs.use(friend)]
    found = resolved(fs.on_demand(version="v1")(compare)).find("compare").resolved
    assert isinstance(found, OnDemandFeature)
    roles = {name: getattr(given, "role", None) for name, given in found.inputs.items()}
    assert roles == {"mine": (), "friend": (("customer_id", "friend_id"),)}


def test_a_source_without_columns_says_how_to_get_them() -> None:
    with pytest.raises(DefinitionError, match="sources pull"):
        define([orders], {}, Settings())
    declared = fs.Source("orders", path="a", columns={"amount": fs.Int64})
    assert define([declared], {}, Settings()).find("orders").kind == "source"


# --- finding and selecting ------------------------------------------------------------------------------------------


def test_a_definition_is_found_by_name_by_version_and_by_kind() -> None:
    found = resolved(spend, Habits, feature(_spend, name="spend", version="v2"))
    assert found.find("Habits.n").id == "feature:Habits.n@v1"
    assert found.find("spend@v2").id == "feature:spend@v2"
    assert found.find("entity:customer").kind == "entity"
    with pytest.raises(AmbiguousReferenceError, match="feature:spend@v1, feature:spend@v2"):
        found.find("spend")
    for wrong in ("spned", "feature:customer", "spend@v3", "Habits"):
        with pytest.raises(ReferenceNotFoundError):
            found.find(wrong)
    with pytest.raises(DefinitionError):
        found.find("spend@@v1")


def test_features_are_selected_as_objects_and_as_text() -> None:
    found = resolved(spend, Habits)
    whole: Any = Habits
    for items in (["spend", "Habits"], [spend, Habits], ["spend@v1", whole.total, "Habits.n"], [spend, "Habits@v1"]):
        assert [one.column for one in found.select(items)] == ["spend", "total", "n"]
    with pytest.raises(DefinitionError):
        found.select(["orders"])
    with pytest.raises(DefinitionError, match="nothing"):
        found.select([])


def test_a_selection_that_failed_can_be_tried_again() -> None:
    found = resolved(spend)
    broken = feature(_of_paid, name="broken")
    for _ in range(2):
        with pytest.raises(ReferenceNotFoundError):
            found.select([broken])


# --- files, cells, order ----------------------------------------------------------------------------------------------


def cell(text: str, namespace: dict[str, Any], folder: Path) -> list[object]:
    """Runs a notebook's cell: its own code object over the notebook's names. What it defines is returned."""
    file = folder / f"cell_{len(list(folder.iterdir()))}.py"
    file.write_text(text)
    with collecting() as found:
        exec(compile(text, str(file), "exec"), namespace)  # noqa: S102 - this is what a notebook does
    return found


FIRST = """
import featurestore as fs
customer = fs.Entity("customer", keys={"customer_id": fs.Int64})
orders = fs.Source("orders", path="a", event_time="t")
"""
SECOND = """
@fs.feature(entity=customer, every="1h")
def spend(orders: fs.Rows) -> fs.Value:
    return orders.amount.sum(over="DAYS")
"""


def test_a_cell_that_is_run_again_replaces_what_it_defined(tmp_path: Path) -> None:
    notebook: dict[str, Any] = vars(ModuleType("notebook"))
    cell(FIRST, notebook, tmp_path)
    cell(SECOND.replace("DAYS", "7d"), notebook, tmp_path)
    before = resolved(notebook["spend"]).find("spend")
    cell(SECOND.replace("DAYS", "30d"), notebook, tmp_path)
    after = resolved(notebook["spend"]).find("spend")
    assert before.ref != after.ref
    assert isinstance(after.resolved, StoredFeature)
    assert aggregates(after.resolved.expression)[0].over == 30 * 24 * HOUR
    cell(FIRST.replace('event_time="t"', 'event_time="t", created_time="t"'), notebook, tmp_path)
    cell(SECOND.replace("DAYS", "30d"), notebook, tmp_path)
    assert resolved(notebook["spend"]).find("source:orders").resolved is not None
    assert resolved(notebook["spend"]).find("spend").ref != after.ref


def test_the_groups_are_those_of_classes_of_names_and_of_single_features() -> None:
    joined = feature(_spend, name="joined", group="Habits")
    found = resolved(Habits, joined, spend)
    members = {group.name: [str(one.ref) for one in group.members] for group in found.groups}
    assert members == {"Habits": ["Habits.n@v1", "Habits.total@v1", "joined@v1"], "spend@v1": ["spend@v1"]}
    alone = {group.name: group.id for group in resolved(Habits, spend).groups}
    ids_of = {group.name: group.id for group in found.groups}
    assert alone["spend@v1"] == ids_of["spend@v1"]
    assert alone["Habits"] != ids_of["Habits"]


def test_a_result_that_is_no_value_is_a_mismatch_of_types() -> None:
    with pytest.raises(TypeMismatchError, match="RowValue"):
        resolved(feature(_returns_rows), orders)
