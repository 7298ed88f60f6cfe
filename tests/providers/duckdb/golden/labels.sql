WITH "rows_corrected" AS (  -- the rows of corrected@ffaaa75c, with their times
  SELECT *,
    "order_id" AS "__key_0",
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
    FROM "source_corrected"
  ) AS raw
),
"newest_corrected" AS (  -- of each key the newest version
  SELECT *
  FROM (
    SELECT *, ROW_NUMBER() OVER (
      PARTITION BY "order_id", CASE WHEN "order_id" IS NOT NULL THEN 0 ELSE 1 END
      ORDER BY ("__c" IS NOT NULL) DESC, "__c" DESC, ("__e" IS NULL) DESC, "__e" DESC, COALESCE("gone", FALSE) DESC, ("customer_id" IS NOT NULL) DESC, "customer_id" DESC, ("gone" IS NOT NULL) DESC, "gone" DESC
    ) AS "__rank"
    FROM "rows_corrected"
    WHERE ("__c" IS NULL OR "__c" <= 1710000000000000)
  ) AS ranked
  WHERE ("__rank" = 1 OR NOT ("order_id" IS NOT NULL)) AND NOT COALESCE("gone", FALSE)
)
SELECT "order_id", "customer_id", "at", "loaded", "gone", "amount", "items", "country", "__e"
FROM "newest_corrected"
WHERE "__e" IS NULL OR "__e" <= 1707408000000000
ORDER BY "__e", "order_id", "customer_id", "at", "loaded", "gone", "amount", "items", "country"
