"""Spark, so far its SQL only: `featurestore_spark.dialect` prints queries for it. There is no store yet."""
