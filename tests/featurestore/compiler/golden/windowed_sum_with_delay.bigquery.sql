WITH `rows_loaded` AS (  -- the rows of loaded@0d2ed155, with their times
  SELECT *,
    UNIX_MICROS(`at`) AS `__e`,
    CASE WHEN `loaded` IS NULL THEN UNIX_MICROS(`at`) ELSE UNIX_MICROS(`loaded`) END AS `__c`
  FROM (
    SELECT
      CAST(`order_id` AS INT64) AS `order_id`,
      CAST(`customer_id` AS INT64) AS `customer_id`,
      TIMESTAMP_MICROS(UNIX_MICROS(`at`)) AS `at`,
      TIMESTAMP_MICROS(UNIX_MICROS(`loaded`)) AS `loaded`,
      CAST(`gone` AS BOOL) AS `gone`,
      CAST(`amount` AS FLOAT64) AS `amount`,
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
    DIV((`__t` - 600000000) - IF((`__t` - 600000000) < 0, 3599999999, 0), 3600000000) * 3600000000 AS `__b_0`
  FROM `spine`
),
`points_0` AS (  -- what the spine asks for
  SELECT DISTINCT `customer_id`, `__b_0` AS `__b`
  FROM `asked`
  WHERE `customer_id` IS NOT NULL
),
`pass_0` AS (  -- one row for each entity and boundary that has rows
  SELECT p.`customer_id`, p.`__b`,
    SUM(IF(r.`__e` > p.`__b` - 86400000000, r.`amount`, NULL)) AS `a0`,
    SUM(r.`amount`) AS `a1`,
    COUNTIF(IF(IS_NAN(r.`amount`) OR IS_NAN(CAST(100 AS FLOAT64)), IS_NAN(r.`amount`) > IS_NAN(CAST(100 AS FLOAT64)), r.`amount` > CAST(100 AS FLOAT64))) AS `a2`
  FROM (
    SELECT *
    FROM `points_0`
    CROSS JOIN UNNEST([DIV(`__b` - IF(`__b` < 0, 604799999999, 0), 604800000000), DIV(`__b` - IF(`__b` < 0, 604799999999, 0), 604800000000) - 1]) AS `__bucket`
  ) AS p
  JOIN (
    SELECT *, DIV(`__e` - IF(`__e` < 0, 604799999999, 0), 604800000000) AS `__bucket`
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
