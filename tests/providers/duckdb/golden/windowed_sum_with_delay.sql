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
      CAST("items" AS BIGINT) AS "items",
      CAST("country" AS TEXT) AS "country"
    FROM "source_loaded"
  ) AS raw
),
"known_loaded" AS (  -- from which boundary on each is visible
  SELECT *,
    CASE WHEN "__e" > "__c" - 600000000 THEN "__e" ELSE "__c" - 600000000 END AS "__enter"
  FROM "rows_loaded"
  WHERE "__e" IS NOT NULL AND "__c" IS NOT NULL
),
"asked" AS (  -- the spine, with its boundaries
  SELECT *,
    ((("__t" - 600000000) - IF(("__t" - 600000000) < 0, 3599999999, 0)) // 3600000000) * 3600000000 AS "__b_0"
  FROM "spine"
),
"points_0" AS (  -- what the spine asks for
  SELECT DISTINCT "customer_id", "__b_0" AS "__b"
  FROM "asked"
  WHERE "customer_id" IS NOT NULL
),
"pass_0" AS (  -- one row for each entity and boundary that has rows
  SELECT p."customer_id", p."__b",
    SUM(r."amount") FILTER (WHERE r."__e" > p."__b" - 86400000000) AS "a0",
    SUM(r."amount") AS "a1",
    COUNT(*) FILTER (WHERE (r."amount" > CAST(100 AS DOUBLE))) AS "a2"
  FROM (
    SELECT *, (("__b" - IF("__b" < 0, 604799999999, 0)) // 604800000000) - UNNEST([0, 1]) AS "__bucket"
    FROM "points_0"
  ) AS p
  JOIN (
    SELECT *, (("__e" - IF("__e" < 0, 604799999999, 0)) // 604800000000) AS "__bucket"
    FROM "known_loaded"
  ) AS r
    ON r."customer_id" = p."customer_id"
    AND r."__enter" <= p."__b"
    AND r."__e" > p."__b" - 604800000000
    AND r."__bucket" = p."__bucket"
  GROUP BY p."customer_id", p."__b"
)
SELECT s."__row",
  "pass_0"."a0" AS "f0",
  "pass_0"."a1" AS "f1",
  COALESCE("pass_0"."a2", 0) AS "f2"
FROM "asked" AS s
LEFT JOIN "pass_0"
  ON "pass_0"."customer_id" = s."customer_id"
  AND "pass_0"."__b" = s."__b_0"
ORDER BY s."__row"
