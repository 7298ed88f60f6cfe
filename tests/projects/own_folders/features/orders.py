"""Reads helpers from folders that are called like folders of this package's repository."""

import featurestore as fs
from providers.windows import WINDOW
from serving.entities import customer
from shared.names import ORDERS
from tests.doubles import DOUBLE

orders = fs.Source(
    ORDERS, path="orders.parquet", event_time="at", columns={"customer_id": fs.Int64, "amount": fs.Float64, "at": fs.Timestamp}
)


@fs.features(entity=customer, source=orders, version="v1")
class Spending:
    """Spending."""

    spent = fs.sum("amount", over=WINDOW, where=fs.col("amount") > DOUBLE)
