WITH `rows_orders` AS (  -- the rows of orders@df02d4b2, with their times
  SELECT *,
    UNIX_MICROS(`at`) AS `__e`,
    UNIX_MICROS(`at`) AS `__c`
  FROM (
    SELECT
      CAST(`order_id` AS INT64) AS `order_id`,
      CAST(`customer_id` AS INT64) AS `customer_id`,
      TIMESTAMP_MICROS(UNIX_MICROS(`at`)) AS `at`,
      TIMESTAMP_MICROS(UNIX_MICROS(`loaded`)) AS `loaded`,
      CAST(`gone` AS BOOL) AS `gone`,
      CAST(`amount` AS FLOAT64) AS `amount`,
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
    DIV(`__t` - IF(`__t` < 0, 86399999999, 0), 86400000000) * 86400000000 AS `__b_0`
  FROM `spine`
),
`points_0` AS (  -- what the spine asks for
  SELECT DISTINCT `customer_id`, `__b_0` AS `__b`
  FROM `asked`
  WHERE `customer_id` IS NOT NULL
),
`pass_0` AS (  -- one row for each entity and boundary that has rows
  SELECT p.`customer_id`, p.`__b`,
    ARRAY_AGG(STRUCT(r.`country` AS v) IGNORE NULLS ORDER BY r.`__e` DESC, r.`__c` DESC, (r.`country` IS NOT NULL) DESC, r.`country` DESC LIMIT 1)[SAFE_OFFSET(0)] AS `a0`
  FROM (
    SELECT *
    FROM `points_0`
    CROSS JOIN UNNEST([DIV(`__b` - IF(`__b` < 0, 2591999999999, 0), 2592000000000), DIV(`__b` - IF(`__b` < 0, 2591999999999, 0), 2592000000000) - 1]) AS `__bucket`
  ) AS p
  JOIN (
    SELECT *, DIV(`__e` - IF(`__e` < 0, 2591999999999, 0), 2592000000000) AS `__bucket`
    FROM `known_orders`
  ) AS r
    ON r.`customer_id` = p.`customer_id`
    AND r.`__enter` <= p.`__b`
    AND r.`__e` > p.`__b` - 2592000000000
    AND r.`__bucket` = p.`__bucket`
  GROUP BY p.`customer_id`, p.`__b`
)
SELECT s.`__row`,
  COALESCE(`pass_0`.`a0`.v, '??') AS `f0`
FROM `asked` AS s
LEFT JOIN `pass_0`
  ON `pass_0`.`customer_id` = s.`customer_id`
  AND `pass_0`.`__b` = s.`__b_0`
ORDER BY s.`__row`
