"""Feast's side of the comparison; runs in an environment that has Feast and nothing of this package.

`python feast_program.py FOLDER STORE`: FOLDER has `even.parquet` and `spine.parquet`, STORE is a kind of
Feast's offline stores. Each line of the input is `MODE` or `MODE FILE`: values are computed, with MODE `known` out of
the rows that had been created and with `all` out of all, and written to the file if one is given. Each line of the
output says in JSON that it is done.
"""

import json
import os
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float64, Int32, String

FEATURES = ["latest:amount", "latest:quantity", "latest:kind"]


def opened(folder: Path, kind: str, registry: Path) -> FeatureStore:
    """A store with the definitions applied."""
    config = RepoConfig(
        project="events",
        provider="local",
        registry=str(registry),
        offline_store={"type": kind},
        online_store={"type": "sqlite", "path": str(registry.with_name("online.db"))},  # else in the working folder
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    account = Entity(name="account", join_keys=["account"], value_type=ValueType.INT64)
    source = FileSource(
        path=str(folder / "even.parquet"), timestamp_field="happened_at", created_timestamp_column="loaded_at"
    )
    view = FeatureView(
        name="latest",
        entities=[account],
        ttl=timedelta(days=1),
        schema=[
            Field(name="amount", dtype=Float64),
            Field(name="quantity", dtype=Int32),
            Field(name="kind", dtype=String),
        ],
        source=source,
    )
    store.apply([account, view])
    return store


def main() -> None:
    """Answers lines until there are no more."""
    folder, kind = Path(sys.argv[1]), sys.argv[2]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what is printed by others is no answer
    spine = pd.read_parquet(folder / "spine.parquet").rename(columns={"asked_at": "event_timestamp"})
    spine["event_timestamp"] = spine["event_timestamp"].dt.tz_localize("UTC")
    with tempfile.TemporaryDirectory() as name:
        store = opened(folder, kind, Path(name) / "registry.db")
        for line in sys.stdin:
            mode, *file = line.split(maxsplit=1)
            known = mode == "known"
            job = store.get_historical_features(entity_df=spine, features=FEATURES, filter_by_created_timestamp=known)
            table = job.to_arrow()
            if file:
                pq.write_table(table, file[0].strip())
            print(json.dumps({"rows": table.num_rows}), file=answers, flush=True)


if __name__ == "__main__":
    main()
