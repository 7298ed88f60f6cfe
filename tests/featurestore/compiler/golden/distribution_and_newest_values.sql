WITH "rows_loaded" AS (  -- the rows of loaded@0d2ed155, with their times
  SELECT *,
    EPOCH_US("at") AS "__e",
    CASE WHEN "loaded" IS NULL THEN EPOCH_US("at") ELSE EPOCH_US("loaded") END AS "__c"
  FROM (
    SELECT
      CAST("order_id" AS BIGINT) AS "order_id",
      CAST("customer_id" AS BIGINT) AS "customer_id",
      CAST("at" AS TIMESTAMPTZ) AS "at",
      CAST("loaded" AS TIMESTAMPTZ) AS "loaded",
      CAST("gone" AS BOOLEAN) AS "gone",
      CAST("amount" AS DOUBLE) AS "amount",
      CAST("country" AS TEXT) AS "country"
    FROM "source_loaded"
  ) AS raw
),
"known_loaded" AS (  -- from which boundary on each is visible
  SELECT *,
    CASE WHEN "__e" > "__c" THEN "__e" ELSE "__c" END AS "__enter"
  FROM "rows_loaded"
  WHERE "__e" IS NOT NULL AND "__c" IS NOT NULL
),
"asked" AS (  -- the spine, with its boundaries
  SELECT *,
    (("__t" - IF("__t" < 0, 86399999999, 0)) // 86400000000) * 86400000000 AS "__b_0"
  FROM "spine"
),
"points_0" AS (  -- what the spine asks for
  SELECT DISTINCT "customer_id", "__b_0" AS "__b"
  FROM "asked"
  WHERE "customer_id" IS NOT NULL
),
"pass_0" AS (  -- one row for each entity and boundary that has rows
  SELECT p."customer_id", p."__b",
    CASE WHEN MAX(ABS(r."amount")) FILTER (WHERE r."__e" > p."__b" - 2592000000000) > CAST('1e+140' AS DOUBLE) THEN STDDEV_SAMP(r."amount" * CAST('2.409919865102884e-181' AS DOUBLE)) FILTER (WHERE r."__e" > p."__b" - 2592000000000) * CAST('4.149515568880993e+180' AS DOUBLE)
      WHEN MAX(ABS(r."amount")) FILTER (WHERE r."__e" > p."__b" - 2592000000000) < CAST('1e-140' AS DOUBLE) THEN STDDEV_SAMP(r."amount" * CAST('4.149515568880993e+180' AS DOUBLE)) FILTER (WHERE r."__e" > p."__b" - 2592000000000) * CAST('2.409919865102884e-181' AS DOUBLE)
      ELSE STDDEV_SAMP(r."amount") FILTER (WHERE r."__e" > p."__b" - 2592000000000) END AS "a0",
    CASE WHEN BOOL_OR(ISNAN(r."amount")) FILTER (WHERE r."__e" > p."__b" - 2592000000000) THEN CAST('nan' AS DOUBLE) ELSE QUANTILE_CONT(r."amount", CAST('0.5' AS DOUBLE)) FILTER (WHERE r."__e" > p."__b" - 2592000000000) END AS "a1",
    COUNT(DISTINCT r."country") FILTER (WHERE r."__e" > p."__b" - 604800000000) AS "a2",
    COUNT(DISTINCT r."country") FILTER (WHERE r."__e" > p."__b" - 2592000000000) AS "a3",
    COUNT(DISTINCT r."order_id") FILTER (WHERE r."__e" <= p."__b" - 2592000000000) AS "a4",
    ARG_MAX(r."country", ROW(r."__e", r."__c", (r."amount" IS NOT NULL), (r."amount" + 0.0), (r."country" IS NOT NULL), r."country"), 3) FILTER (WHERE r."__e" > p."__b" - 2592000000000 AND (r."amount" > CAST(0 AS DOUBLE)) AND r."country" IS NOT NULL) AS "a5"
  FROM (
    SELECT *, (("__b" - IF("__b" < 0, 5183999999999, 0)) // 5184000000000) - UNNEST([0, 1]) AS "__bucket"
    FROM "points_0"
  ) AS p
  JOIN (
    SELECT *, (("__e" - IF("__e" < 0, 5183999999999, 0)) // 5184000000000) AS "__bucket"
    FROM "known_loaded"
  ) AS r
    ON r."customer_id" = p."customer_id"
    AND r."__enter" <= p."__b"
    AND r."__e" > p."__b" - 5184000000000
    AND r."__bucket" = p."__bucket"
  GROUP BY p."customer_id", p."__b"
)
SELECT s."__row",
  "pass_0"."a0" AS "f0",
  "pass_0"."a1" AS "f1",
  COALESCE("pass_0"."a2", 0) AS "f2",
  COALESCE("pass_0"."a3", 0) AS "f3",
  COALESCE("pass_0"."a4", 0) AS "f4",
  "pass_0"."a5" AS "f5"
FROM "asked" AS s
LEFT JOIN "pass_0"
  ON "pass_0"."customer_id" = s."customer_id"
  AND "pass_0"."__b" = s."__b_0"
ORDER BY s."__row"
