"""One local Spark for all tests, and sessions of it with different settings."""

import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import pyarrow as pa
import pytest

from featurestore.compiler.dialect import UNFIT
from featurestore.compiler.printing import OVERFLOW
from featurestore.errors import NumberOverflowError
from featurestore_spark.dialect import SparkDialect

SETTINGS: Mapping[str, Mapping[str, str]] = {
    "as Spark comes": {},
    "as users change it": {
        "spark.sql.ansi.enabled": "false",
        "spark.sql.session.timeZone": "America/New_York",
        "spark.sql.timestampType": "TIMESTAMP_NTZ",
        "spark.sql.parser.escapedStringLiterals": "true",
        "spark.sql.ansi.doubleQuotedIdentifiers": "true",
        "spark.sql.caseSensitive": "true",
    },
}


class Spark:
    """A session, as an engine under test."""

    dialect = SparkDialect()

    def __init__(self, session: Any) -> None:
        self.session = session

    def compute(self, statement: str, tables: Mapping[str, pa.Table]) -> pa.Table:
        for name, table in tables.items():
            self.session.createDataFrame(table).createOrReplaceTempView(name)
        try:
            return self.session.sql(statement).toArrow()
        except Exception as error:
            if OVERFLOW in str(error) or UNFIT in str(error):
                raise NumberOverflowError(str(error)) from error
            raise


@pytest.fixture(scope="session")
def root_session(missing: Callable[[str], NoReturn]) -> Iterator[Any]:
    if shutil.which("java") is None:
        missing("Spark needs Java 17: apt-get install openjdk-17-jre-headless")
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        missing("Spark is not installed: pip install --group engines (0.5 GB)")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = (
            SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            # Statements are many and small: compiling them well takes longer than running them.
            .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
            .getOrCreate()
        )
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()


@pytest.fixture(scope="session")
def spark(root_session: Any) -> Spark:
    """A session as Spark comes."""
    return Spark(root_session.newSession())


@pytest.fixture(scope="session", params=SETTINGS)
def any_spark(request: pytest.FixtureRequest, root_session: Any) -> Spark:
    """Sessions whose settings could change what a statement means."""
    session = root_session.newSession()
    for name, value in SETTINGS[request.param].items():
        session.conf.set(name, value)
    return Spark(session)
