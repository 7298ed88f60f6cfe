WITH `rows_corrected` AS (  -- the rows of corrected@ffaaa75c, with their times
  SELECT *,
    `order_id` AS `__key_0`,
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
    FROM `source_corrected`
  ) AS raw
),
`known_corrected` AS (  -- from which boundary on each is visible
  SELECT *,
    CASE WHEN `__e` > `__c` - 600000000 THEN `__e` ELSE `__c` - 600000000 END AS `__enter`
  FROM `rows_corrected`
  WHERE `__c` IS NOT NULL
    AND (`__e` IS NOT NULL OR COALESCE(`gone`, FALSE) AND `at` IS NULL)
    AND (NOT COALESCE(`gone`, FALSE) OR `order_id` IS NOT NULL)
),
`several_corrected` AS (  -- the keys of which there are several versions
  SELECT `order_id`
  FROM `known_corrected`
  WHERE `order_id` IS NOT NULL
  GROUP BY `order_id`
  HAVING COUNT(*) > 1
),
`versions_corrected` AS (  -- at which boundary a newer version takes its place
  SELECT *
  FROM (
    SELECT r.*, CAST(NULL AS INT64) AS `__leave_0`, CAST(NULL AS INT64) AS `__leave_1`
    FROM `known_corrected` AS r
    WHERE NOT EXISTS (SELECT 1 FROM `several_corrected` AS s WHERE s.`order_id` = r.`order_id`)
    UNION ALL
    SELECT r.*,
      MIN(`__enter`) OVER (
        PARTITION BY `order_id`
        ORDER BY `__c`, (`__e` IS NULL), `__e`, COALESCE(`gone`, FALSE), (`customer_id` IS NOT NULL), `customer_id`
        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
      ) AS `__leave_0`,
      MIN(`__enter`) OVER (
        PARTITION BY `order_id`
        ORDER BY `__c`, (`__e` IS NULL), `__e`, COALESCE(`gone`, FALSE), (`amount` IS NOT NULL), IS_NAN(`amount`), `amount`, (`customer_id` IS NOT NULL), `customer_id`
        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
      ) AS `__leave_1`
    FROM `known_corrected` AS r
    WHERE EXISTS (SELECT 1 FROM `several_corrected` AS s WHERE s.`order_id` = r.`order_id`)
  ) AS versions
  WHERE NOT COALESCE(`gone`, FALSE)
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
    COUNTIF(r.`__e` > p.`__b` - 604800000000 AND (r.`__leave_0` IS NULL OR p.`__b` < r.`__leave_0`)) AS `a0`,
    CASE WHEN COUNT(IF(r.`__e` <= p.`__b` - 604800000000 AND (r.`__leave_1` IS NULL OR p.`__b` < r.`__leave_1`), r.`amount`, NULL)) = 0 THEN NULL ELSE SUM(IF(r.`__e` <= p.`__b` - 604800000000 AND (r.`__leave_1` IS NULL OR p.`__b` < r.`__leave_1`), r.`amount`, NULL)) / COUNT(IF(r.`__e` <= p.`__b` - 604800000000 AND (r.`__leave_1` IS NULL OR p.`__b` < r.`__leave_1`), r.`amount`, NULL)) END AS `a1`
  FROM (
    SELECT *
    FROM `points_0`
    CROSS JOIN UNNEST([DIV(`__b` - IF(`__b` < 0, 1209599999999, 0), 1209600000000), DIV(`__b` - IF(`__b` < 0, 1209599999999, 0), 1209600000000) - 1]) AS `__bucket`
  ) AS p
  JOIN (
    SELECT *, DIV(`__e` - IF(`__e` < 0, 1209599999999, 0), 1209600000000) AS `__bucket`
    FROM `versions_corrected`
  ) AS r
    ON r.`customer_id` = p.`customer_id`
    AND r.`__enter` <= p.`__b`
    AND r.`__e` > p.`__b` - 1209600000000
    AND r.`__bucket` = p.`__bucket`
  GROUP BY p.`customer_id`, p.`__b`
)
SELECT s.`__row`,
  COALESCE(`pass_0`.`a0`, 0) AS `f0`,
  `pass_0`.`a1` AS `f1`
FROM `asked` AS s
LEFT JOIN `pass_0`
  ON `pass_0`.`customer_id` = s.`customer_id`
  AND `pass_0`.`__b` = s.`__b_0`
ORDER BY s.`__row`
