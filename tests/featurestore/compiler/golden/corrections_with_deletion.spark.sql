WITH `rows_corrected` AS (  -- the rows of corrected@ffaaa75c, with their times
  SELECT *,
    `order_id` AS `__key_0`,
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
    SELECT r.*, CAST(NULL AS BIGINT) AS `__leave_0`, CAST(NULL AS BIGINT) AS `__leave_1`
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
        ORDER BY `__c`, (`__e` IS NULL), `__e`, COALESCE(`gone`, FALSE), (`amount` IS NOT NULL), (`amount` + 0.0), (`customer_id` IS NOT NULL), `customer_id`
        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
      ) AS `__leave_1`
    FROM `known_corrected` AS r
    WHERE EXISTS (SELECT 1 FROM `several_corrected` AS s WHERE s.`order_id` = r.`order_id`)
  ) AS versions
  WHERE NOT COALESCE(`gone`, FALSE)
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
    COUNT(*) FILTER (WHERE r.`__e` > p.`__b` - 604800000000 AND (r.`__leave_0` IS NULL OR p.`__b` < r.`__leave_0`)) AS `a0`,
    CASE WHEN COUNT(r.`amount`) FILTER (WHERE r.`__e` <= p.`__b` - 604800000000 AND (r.`__leave_1` IS NULL OR p.`__b` < r.`__leave_1`)) = 0 THEN NULL ELSE SUM(r.`amount`) FILTER (WHERE r.`__e` <= p.`__b` - 604800000000 AND (r.`__leave_1` IS NULL OR p.`__b` < r.`__leave_1`)) / COUNT(r.`amount`) FILTER (WHERE r.`__e` <= p.`__b` - 604800000000 AND (r.`__leave_1` IS NULL OR p.`__b` < r.`__leave_1`)) END AS `a1`
  FROM (
    SELECT *, EXPLODE(ARRAY(((`__b` - IF(`__b` < 0, 1209599999999, 0)) DIV 1209600000000), ((`__b` - IF(`__b` < 0, 1209599999999, 0)) DIV 1209600000000) - 1)) AS `__bucket`
    FROM `points_0`
  ) AS p
  JOIN (
    SELECT *, ((`__e` - IF(`__e` < 0, 1209599999999, 0)) DIV 1209600000000) AS `__bucket`
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
