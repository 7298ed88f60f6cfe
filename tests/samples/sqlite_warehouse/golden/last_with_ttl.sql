WITH `rows_orders` AS (  -- the rows of orders@df02d4b2, with their times
  SELECT *,
    `at` AS `__e`,
    `at` AS `__c`
  FROM (
    SELECT
      fs_Int64(`order_id`) AS `order_id`,
      fs_Int64(`customer_id`) AS `customer_id`,
      `at` AS `at`,
      `loaded` AS `loaded`,
      fs_Bool(`gone`) AS `gone`,
      `amount` AS `amount`,
      fs_Int64(`items`) AS `items`,
      fs_String(`country`) AS `country`
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
    ((`__t` - CASE WHEN `__t` < 0 THEN 86399999999 ELSE 0 END) / 86400000000) * 86400000000 AS `__b_0`
  FROM `spine`
),
`points_0` AS (  -- what the spine asks for
  SELECT DISTINCT `customer_id`, `__b_0` AS `__b`
  FROM `asked`
  WHERE `customer_id` IS NOT NULL
),
`pass_0` AS (  -- one row for each entity and boundary that has rows
  SELECT p.`customer_id`, p.`__b`,
    fs_newest(r.`country`, r.`__e`, r.`__c`, (r.`country` IS NOT NULL), r.`country`) AS `a0`
  FROM (
    SELECT *, ((`__b` - CASE WHEN `__b` < 0 THEN 2591999999999 ELSE 0 END) / 2592000000000) AS `__bucket`
    FROM `points_0`
    UNION ALL
    SELECT *, ((`__b` - CASE WHEN `__b` < 0 THEN 2591999999999 ELSE 0 END) / 2592000000000) - 1 AS `__bucket`
    FROM `points_0`
  ) AS p
  JOIN (
    SELECT *, ((`__e` - CASE WHEN `__e` < 0 THEN 2591999999999 ELSE 0 END) / 2592000000000) AS `__bucket`
    FROM `known_orders`
  ) AS r
    ON r.`customer_id` = p.`customer_id`
    AND r.`__enter` <= p.`__b`
    AND r.`__e` > p.`__b` - 2592000000000
    AND r.`__bucket` = p.`__bucket`
  GROUP BY p.`customer_id`, p.`__b`
)
SELECT s.`__row`,
  COALESCE(`pass_0`.`a0`, '??') AS `f0`
FROM `asked` AS s
LEFT JOIN `pass_0`
  ON `pass_0`.`customer_id` = s.`customer_id`
  AND `pass_0`.`__b` = s.`__b_0`
ORDER BY s.`__row`
