"""BigQuery, so far its SQL only: `featurestore_bigquery.dialect` prints queries for it. There is no store yet."""
