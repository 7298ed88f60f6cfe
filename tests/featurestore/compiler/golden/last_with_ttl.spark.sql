WITH `rows_orders` AS (  -- the rows of orders@df02d4b2, with their times
  SELECT *,
    UNIX_MICROS(`at`) AS `__e`,
    UNIX_MICROS(`at`) AS `__c`
  FROM (
    SELECT
      COALESCE(TRY_CAST(`order_id` AS BIGINT), IF(`order_id` IS NULL, NULL, RAISE_ERROR('featurestore: does not fit into BIGINT'))) AS `order_id`,
      COALESCE(TRY_CAST(`customer_id` AS BIGINT), IF(`customer_id` IS NULL, NULL, RAISE_ERROR('featurestore: does not fit into BIGINT'))) AS `customer_id`,
      CASE TYPEOF(`at`) WHEN 'timestamp' THEN CAST(`at` AS TIMESTAMP_LTZ) WHEN 'timestamp_ntz' THEN CAST(CONCAT(CAST(CAST(`at` AS TIMESTAMP_NTZ) AS STRING), 'Z') AS TIMESTAMP_LTZ) ELSE RAISE_ERROR('featurestore: does not fit into TIMESTAMP_LTZ') END AS `at`,
      CASE TYPEOF(`loaded`) WHEN 'timestamp' THEN CAST(`loaded` AS TIMESTAMP_LTZ) WHEN 'timestamp_ntz' THEN CAST(CONCAT(CAST(CAST(`loaded` AS TIMESTAMP_NTZ) AS STRING), 'Z') AS TIMESTAMP_LTZ) ELSE RAISE_ERROR('featurestore: does not fit into TIMESTAMP_LTZ') END AS `loaded`,
      COALESCE(TRY_CAST(`gone` AS BOOLEAN), IF(`gone` IS NULL, NULL, RAISE_ERROR('featurestore: does not fit into BOOLEAN'))) AS `gone`,
      COALESCE(TRY_CAST(`amount` AS DOUBLE), IF(`amount` IS NULL, NULL, RAISE_ERROR('featurestore: does not fit into DOUBLE'))) AS `amount`,
      CAST(`country` AS STRING) AS `country`
    FROM `source_orders`
  ) AS raw
),
`known_orders` AS (  -- from which boundary on each is visible
  SELECT *,
    `__e` AS `__enter`
  FROM `rows_orders`
  WHERE `__e` IS NOT NULL AND `__c` IS NOT NULL
),
`asked` AS (  -- the spine, with its boundaries
  SELECT *,
    ((`__t` - IF(`__t` < 0, 86399999999, 0)) DIV 86400000000) * 86400000000 AS `__b_0`
  FROM `spine`
),
`points_0` AS (  -- what the spine asks for
  SELECT DISTINCT `customer_id`, `__b_0` AS `__b`
  FROM `asked`
  WHERE `customer_id` IS NOT NULL
),
`pass_0` AS (  -- one row for each entity and boundary that has rows
  SELECT p.`customer_id`, p.`__b`,
    MAX_BY(STRUCT(r.`country` AS v), STRUCT(r.`__e`, r.`__c`, (r.`country` IS NOT NULL), r.`country`)) AS `a0`
  FROM (
    SELECT *, EXPLODE(ARRAY(((`__b` - IF(`__b` < 0, 2591999999999, 0)) DIV 2592000000000), ((`__b` - IF(`__b` < 0, 2591999999999, 0)) DIV 2592000000000) - 1)) AS `__bucket`
    FROM `points_0`
  ) AS p
  JOIN (
    SELECT *, ((`__e` - IF(`__e` < 0, 2591999999999, 0)) DIV 2592000000000) AS `__bucket`
    FROM `known_orders`
  ) AS r
    ON r.`customer_id` = p.`customer_id`
    AND r.`__enter` <= p.`__b`
    AND r.`__e` > p.`__b` - 2592000000000
    AND r.`__bucket` = p.`__bucket`
  GROUP BY p.`customer_id`, p.`__b`
)
SELECT s.`__row`,
  COALESCE(`pass_0`.`a0`.v, CAST(X'3F3F' AS STRING)) AS `f0`
FROM `asked` AS s
LEFT JOIN `pass_0`
  ON `pass_0`.`customer_id` = s.`customer_id`
  AND `pass_0`.`__b` = s.`__b_0`
ORDER BY s.`__row`
