"""Computing what has changed leads to where computing everything leads, on generated cases."""

import tempfile
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from featurestore.compiler.stored import row_columns
from featurestore.definitions.resolution import define
from featurestore.definitions.resolved import Group
from featurestore.definitions.sources import Binding
from featurestore.errors import NumberOverflowError
from featurestore.materialize import (
    Caller,
    Records,
    Stores,
    group_key,
    materialize,
    micros,
    must_be_whole,
    newest_due,
    time_of,
)
from featurestore.registry import open_leases, open_writer
from featurestore.spi.codec import RowCodec, decode_row
from featurestore.spi.online import OnlineStore
from featurestore.spi.providers import open_offline, open_online
from featurestore.testing.cases import Capabilities, Case, cases
from featurestore.testing.compare import same
from featurestore.testing.engine import table_of

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
ENDED = 2_000_000_000_000_000
"""A time after everything in the cases: every boundary is due."""
FLOATS = MappingProxyType({"rel": 1e-9, "abs": 1e-6})


def stored(online: OnlineStore, group: Group, namespace: str) -> dict[bytes, tuple[Any, ...]]:
    codec = RowCodec(row_columns(group))
    return {key: decode_row(row, codec).values for key, row in online.scan(group_key(group, namespace))}


def alike(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Engines sum floats in varying order; all else is exact."""
    return all(
        a == pytest.approx(b, nan_ok=True, **FLOATS) if isinstance(a, float) and isinstance(b, float) else same(a, b)
        for a, b in zip(one, other, strict=True)
    )


def compare(case: Case, hours: Sequence[int], folder: Path) -> None:
    bindings = {}
    for name, rows in case.tables.items():
        pq.write_table(table_of(rows, case.schemas[name]), folder / f"{name}.parquet")
        bindings[name] = Binding(f"{name}.parquet")
    offline = open_offline("duckdb", {"threads": 1}, folder, folder / "scratch", "test")
    online = open_online("sqlite", {}, folder, folder / "scratch", "test")
    compared = 0
    with open_writer(folder / "registry.db") as writer, open_leases(folder / "registry.db") as leases:

        def run(group: Group, time: int, namespace: str) -> None:
            records = Records(project=namespace, leases=leases, writer=writer)
            stores = Stores(
                offline=offline, bindings=bindings, online=online, namespace=namespace, staged=folder / namespace
            )
            caller = Caller(run_id="r", who="ann", host="here", code_version="0")
            boundary = newest_due(group.schedule, time)
            materialize(group, boundary, stores=stores, records=records, caller=caller, clock=lambda: time_of(ENDED))

        start: Any = case.spine[0]["t"]
        times = [micros(start if start.tzinfo else start.replace(tzinfo=UTC)) + hour * 900_000_000 for hour in hours]
        for group in define(case.objects, case.schemas, case.settings).groups:
            if must_be_whole(group):
                continue
            for time in times:
                run(group, time, "steps")
            run(group, times[-1], "whole")
            steps, whole = stored(online, group, "steps"), stored(online, group, "whole")
            assert steps.keys() == whole.keys()
            different = {key: (steps[key], whole[key]) for key in whole if not alike(steps[key], whole[key])}
            assert different == {}
            compared += len(whole)
    offline.close()
    online.close()
    event("with entities" if compared else "without entities")


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(
    cases(Capabilities(infinite_times=False, untimed=False, derived=False)),
    st.lists(st.sampled_from((-96, -8, -4, -1, 0, 1, 2, 4, 5, 96, 100, 700)), min_size=2, max_size=4, unique=True),
)
def test_step_by_step_leads_to_where_a_whole_computation_leads(case: Case, hours: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            compare(case, sorted(hours), Path(folder))
        except NumberOverflowError:
            event("overflow")
