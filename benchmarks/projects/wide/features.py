"""A thousand features over ten tables: five functions over twenty windows of each."""

import featurestore as fs

account = fs.Entity("account", keys={"account": fs.Int64})
WINDOWS = [f"{days}d" for days in range(1, 21)]

for number in range(10):
    source = fs.Source(f"events_{number}", path="even.parquet", event_time="happened_at", created_time="loaded_at")
    hundred = {
        f"total_{number}": fs.sum("amount", over=WINDOWS),
        f"rows_{number}": fs.count(over=WINDOWS),
        f"mean_{number}": fs.mean("amount", over=WINDOWS),
        f"largest_{number}": fs.max("amount", over=WINDOWS),
        f"smallest_{number}": fs.min("quantity", over=WINDOWS),
    }
    fs.features(entity=account, source=source, name=f"wide_{number}", version="v1", every="1h")(
        type("Wide", (), {"__doc__": "A hundred features.", **hundred})
    )
