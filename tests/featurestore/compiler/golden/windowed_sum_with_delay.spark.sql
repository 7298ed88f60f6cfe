WITH `rows_loaded` AS (  -- the rows of loaded@0d2ed155, with their times
  SELECT *,
    UNIX_MICROS(`at`) AS `__e`,
    CASE WHEN `loaded` IS NULL THEN UNIX_MICROS(`at`) ELSE UNIX_MICROS(`loaded`) END AS `__c`
  FROM (
    SELECT
      COALESCE(TRY_CAST(`order_id` AS BIGINT), IF(`order_id` IS NULL, NULL, RAISE_ERROR('featurestore: does not fit into BIGINT'))) AS `order_id`,
      COALESCE(TRY_CAST(`customer_id` AS BIGINT), IF(`customer_id` IS NULL, NULL, RAISE_ERROR('featurestore: does not fit into BIGINT'))) AS `customer_id`,
      CASE TYPEOF(`at`) WHEN 'timestamp' THEN CAST(`at` AS TIMESTAMP_LTZ) WHEN 'timestamp_ntz' THEN CAST(CONCAT(CAST(CAST(`at` AS TIMESTAMP_NTZ) AS STRING), 'Z') AS TIMESTAMP_LTZ) ELSE RAISE_ERROR('featurestore: does not fit into TIMESTAMP_LTZ') END AS `at`,
      CASE TYPEOF(`loaded`) WHEN 'timestamp' THEN CAST(`loaded` AS TIMESTAMP_LTZ) WHEN 'timestamp_ntz' THEN CAST(CONCAT(CAST(CAST(`loaded` AS TIMESTAMP_NTZ) AS STRING), 'Z') AS TIMESTAMP_LTZ) ELSE RAISE_ERROR('featurestore: does not fit into TIMESTAMP_LTZ') END AS `loaded`,
      COALESCE(TRY_CAST(`gone` AS BOOLEAN), IF(`gone` IS NULL, NULL, RAISE_ERROR('featurestore: does not fit into BOOLEAN'))) AS `gone`,
      COALESCE(TRY_CAST(`amount` AS DOUBLE), IF(`amount` IS NULL, NULL, RAISE_ERROR('featurestore: does not fit into DOUBLE'))) AS `amount`,
      CAST(`country` AS STRING) AS `country`
    FROM `source_loaded`
  ) AS raw
),
`known_loaded` AS (  -- from which boundary on each is visible
  SELECT *,
    CASE WHEN `__e` > `__c` - 600000000 THEN `__e` ELSE `__c` - 600000000 END AS `__enter`
  FROM `rows_loaded`
  WHERE `__e` IS NOT NULL AND `__c` IS NOT NULL
),
`asked` AS (  -- the spine, with its boundaries
  SELECT *,
    (((`__t` - 600000000) - IF((`__t` - 600000000) < 0, 3599999999, 0)) DIV 3600000000) * 3600000000 AS `__b_0`
  FROM `spine`
),
`points_0` AS (  -- what the spine asks for
  SELECT DISTINCT `customer_id`, `__b_0` AS `__b`
  FROM `asked`
  WHERE `customer_id` IS NOT NULL
),
`pass_0` AS (  -- one row for each entity and boundary that has rows
  SELECT p.`customer_id`, p.`__b`,
    SUM(r.`amount`) FILTER (WHERE r.`__e` > p.`__b` - 86400000000) AS `a0`,
    SUM(r.`amount`) AS `a1`,
    COUNT(*) FILTER (WHERE (r.`amount` > CAST(100 AS DOUBLE))) AS `a2`
  FROM (
    SELECT *, EXPLODE(ARRAY(((`__b` - IF(`__b` < 0, 604799999999, 0)) DIV 604800000000), ((`__b` - IF(`__b` < 0, 604799999999, 0)) DIV 604800000000) - 1)) AS `__bucket`
    FROM `points_0`
  ) AS p
  JOIN (
    SELECT *, ((`__e` - IF(`__e` < 0, 604799999999, 0)) DIV 604800000000) AS `__bucket`
    FROM `known_loaded`
  ) AS r
    ON r.`customer_id` = p.`customer_id`
    AND r.`__enter` <= p.`__b`
    AND r.`__e` > p.`__b` - 604800000000
    AND r.`__bucket` = p.`__bucket`
  GROUP BY p.`customer_id`, p.`__b`
)
SELECT s.`__row`,
  `pass_0`.`a0` AS `f0`,
  `pass_0`.`a1` AS `f1`,
  COALESCE(`pass_0`.`a2`, 0) AS `f2`
FROM `asked` AS s
LEFT JOIN `pass_0`
  ON `pass_0`.`customer_id` = s.`customer_id`
  AND `pass_0`.`__b` = s.`__b_0`
ORDER BY s.`__row`
