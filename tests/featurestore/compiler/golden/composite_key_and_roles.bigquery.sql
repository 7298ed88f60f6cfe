WITH `rows_flights` AS (  -- the rows of flights@7f9cf756, with their times
  SELECT *,
    UNIX_MICROS(`at`) AS `__e`,
    UNIX_MICROS(`at`) AS `__c`
  FROM (
    SELECT
      TIMESTAMP_MICROS(UNIX_MICROS(`at`)) AS `at`,
      CAST(`origin` AS STRING) AS `origin`,
      CAST(`dest` AS STRING) AS `dest`,
      CAST(`delay` AS FLOAT64) AS `delay`,
      CAST(`cancelled` AS BOOL) AS `cancelled`
    FROM `source_flights`
  ) AS raw
),
`known_flights` AS (  -- from which boundary on each is visible
  SELECT *,
    `__e` AS `__enter`
  FROM `rows_flights`
  WHERE `__e` IS NOT NULL AND `__c` IS NOT NULL
),
`rows_movements` AS (  -- the step movements@v1
  SELECT
    CAST(`input_flights`.`origin` AS STRING) AS `airport_id`,
    CAST(`input_flights`.`delay` AS FLOAT64) AS `delay`,
    CAST(`input_flights`.`cancelled` AS BOOL) AS `cancelled`,
    `input_flights`.`__e` AS `__e`,
    `input_flights`.`__c` AS `__c`,
    `input_flights`.`__enter` AS `__enter`
  FROM `known_flights` AS `input_flights`
  WHERE
    NOT `input_flights`.`cancelled`
  UNION ALL
  SELECT
    CAST(`input_flights`.`dest` AS STRING) AS `airport_id`,
    CAST(`input_flights`.`delay` AS FLOAT64) AS `delay`,
    CAST(`input_flights`.`cancelled` AS BOOL) AS `cancelled`,
    `input_flights`.`__e` AS `__e`,
    `input_flights`.`__c` AS `__c`,
    `input_flights`.`__enter` AS `__enter`
  FROM `known_flights` AS `input_flights`
),
`asked` AS (  -- the spine, with its boundaries
  SELECT *,
    DIV((`__t` - 345600000000) - IF((`__t` - 345600000000) < 0, 604799999999, 0), 604800000000) * 604800000000 + 345600000000 AS `__b_0`,
    DIV(`__t` - IF(`__t` < 0, 3599999999, 0), 3600000000) * 3600000000 AS `__b_1`
  FROM `spine`
),
`points_0` AS (  -- what the spine asks for
  SELECT DISTINCT `origin`, `dest`, `__b_0` AS `__b`
  FROM `asked`
  WHERE `origin` IS NOT NULL AND `dest` IS NOT NULL
),
`pass_0` AS (  -- one row for each entity and boundary that has rows
  SELECT p.`origin`, p.`dest`, p.`__b`,
    MAX(r.`delay`) AS `a0`
  FROM `points_0` AS p
  JOIN `known_flights` AS r
    ON r.`origin` = p.`origin`
    AND r.`dest` = p.`dest`
    AND r.`__enter` <= p.`__b`
  GROUP BY p.`origin`, p.`dest`, p.`__b`
),
`points_1` AS (  -- what the spine asks for
  SELECT DISTINCT `origin`, `__b_1` AS `__b`
  FROM `asked`
  WHERE `origin` IS NOT NULL
),
`pass_1` AS (  -- one row for each entity and boundary that has rows
  SELECT p.`origin`, p.`__b`,
    CASE WHEN COUNT(r.`delay`) = 0 THEN NULL ELSE SUM(r.`delay`) / COUNT(r.`delay`) END AS `a0`
  FROM (
    SELECT *
    FROM `points_1`
    CROSS JOIN UNNEST([DIV(`__b` - IF(`__b` < 0, 21599999999, 0), 21600000000), DIV(`__b` - IF(`__b` < 0, 21599999999, 0), 21600000000) - 1]) AS `__bucket`
  ) AS p
  JOIN (
    SELECT *, DIV(`__e` - IF(`__e` < 0, 21599999999, 0), 21600000000) AS `__bucket`
    FROM `rows_movements`
  ) AS r
    ON r.`airport_id` = p.`origin`
    AND r.`__enter` <= p.`__b`
    AND r.`__e` > p.`__b` - 21600000000
    AND r.`__bucket` = p.`__bucket`
  GROUP BY p.`origin`, p.`__b`
),
`points_2` AS (  -- what the spine asks for
  SELECT DISTINCT `dest`, `__b_1` AS `__b`
  FROM `asked`
  WHERE `dest` IS NOT NULL
),
`pass_2` AS (  -- one row for each entity and boundary that has rows
  SELECT p.`dest`, p.`__b`,
    CASE WHEN COUNT(r.`delay`) = 0 THEN NULL ELSE SUM(r.`delay`) / COUNT(r.`delay`) END AS `a0`
  FROM (
    SELECT *
    FROM `points_2`
    CROSS JOIN UNNEST([DIV(`__b` - IF(`__b` < 0, 21599999999, 0), 21600000000), DIV(`__b` - IF(`__b` < 0, 21599999999, 0), 21600000000) - 1]) AS `__bucket`
  ) AS p
  JOIN (
    SELECT *, DIV(`__e` - IF(`__e` < 0, 21599999999, 0), 21600000000) AS `__bucket`
    FROM `rows_movements`
  ) AS r
    ON r.`airport_id` = p.`dest`
    AND r.`__enter` <= p.`__b`
    AND r.`__e` > p.`__b` - 21600000000
    AND r.`__bucket` = p.`__bucket`
  GROUP BY p.`dest`, p.`__b`
)
SELECT s.`__row`,
  `pass_0`.`a0` AS `f0`,
  `pass_1`.`a0` AS `f1`,
  `pass_2`.`a0` AS `f2`
FROM `asked` AS s
LEFT JOIN `pass_0`
  ON `pass_0`.`origin` = s.`origin`
  AND `pass_0`.`dest` = s.`dest`
  AND `pass_0`.`__b` = s.`__b_0`
LEFT JOIN `pass_1`
  ON `pass_1`.`origin` = s.`origin`
  AND `pass_1`.`__b` = s.`__b_1`
LEFT JOIN `pass_2`
  ON `pass_2`.`dest` = s.`dest`
  AND `pass_2`.`__b` = s.`__b_1`
ORDER BY s.`__row`
