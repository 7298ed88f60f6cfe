"""Features over the generated tables, which have the same columns and differ in how their rows are distributed."""

from collections.abc import Sequence

import featurestore as fs

account = fs.Entity("account", keys={"account": fs.Int64})


def table(name: str, file: str, created: str | None = None, key: Sequence[str] = ()) -> fs.Source:
    """The source ``name`` over a generated file."""
    return fs.Source(name, path=f"{file}.parquet", event_time="happened_at", created_time=created, key=list(key))


sources = {
    "even": table("even", "even"),
    "known": table("known", "even", "loaded_at"),
    "corrected": table("corrected", "corrected", "loaded_at", ["event"]),
    "one_heavy": table("one_heavy", "one_heavy"),
    "two_hundred": table("two_hundred", "two_hundred"),
    "million": table("million", "million"),
}

for name, source in sources.items():

    @fs.features(entity=account, source=source, name=f"last_{name}", version="v1", every="1h")
    class Last:
        """The newest amount, for a month."""

        amount = fs.last("amount", ttl="30d")

    @fs.features(entity=account, source=source, name=f"week_{name}", version="v1", every="1h")
    class Week:
        """The last seven days."""

        total = fs.sum("amount", over="7d")
        number = fs.count(over="7d")
        mean = fs.mean("amount", over="7d")
        largest = fs.max("amount", over="7d")


@fs.features(entity=account, source=sources["even"], version="v1", every="1h")
class Twenty:
    """Five functions over four windows."""

    total = fs.sum("amount", over=["1d", "7d", "30d", "90d"])
    number = fs.count(over=["1d", "7d", "30d", "90d"])
    mean = fs.mean("amount", over=["1d", "7d", "30d", "90d"])
    largest = fs.max("amount", over=["1d", "7d", "30d", "90d"])
    smallest = fs.min("amount", over=["1d", "7d", "30d", "90d"])


@fs.features(entity=account, source=table("stored", "million", "loaded_at"), version="v1", every="96m")
class Stored:
    """Ten values to materialize. Boundaries lie so that from one to the next about 1% of the accounts change."""

    amount = fs.last("amount")
    kind = fs.last("kind")
    total = fs.sum("amount", over=["7d", "30d"])
    number = fs.count(over=["7d", "30d"])
    largest = fs.max("amount", over=["7d", "30d"])
    mean = fs.mean("amount", over="30d")
    smallest = fs.min("amount", over="30d")


for name in ("even", "known"):

    @fs.features(entity=account, source=sources[name], name=f"latest_{name}", version="v1", every="1us")
    class Latest:
        """The newest row of a day, at the very moment that is asked for."""

        row = fs.attributes("amount", "quantity", "kind", ttl="1d")
