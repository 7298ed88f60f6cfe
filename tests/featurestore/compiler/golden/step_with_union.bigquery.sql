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
    DIV(`__t` - IF(`__t` < 0, 3599999999, 0), 3600000000) * 3600000000 AS `__b_0`
  FROM `spine`
),
`points_0` AS (  -- what the spine asks for
  SELECT DISTINCT `airport_id`, `__b_0` AS `__b`
  FROM `asked`
  WHERE `airport_id` IS NOT NULL
),
`pass_0` AS (  -- one row for each entity and boundary that has rows
  SELECT p.`airport_id`, p.`__b`,
    CASE WHEN COUNT(r.`delay`) = 0 THEN NULL ELSE SUM(r.`delay`) / COUNT(r.`delay`) END AS `a0`
  FROM (
    SELECT *
    FROM `points_0`
    CROSS JOIN UNNEST([DIV(`__b` - IF(`__b` < 0, 21599999999, 0), 21600000000), DIV(`__b` - IF(`__b` < 0, 21599999999, 0), 21600000000) - 1]) AS `__bucket`
  ) AS p
  JOIN (
    SELECT *, DIV(`__e` - IF(`__e` < 0, 21599999999, 0), 21600000000) AS `__bucket`
    FROM `rows_movements`
  ) AS r
    ON r.`airport_id` = p.`airport_id`
    AND r.`__enter` <= p.`__b`
    AND r.`__e` > p.`__b` - 21600000000
    AND r.`__bucket` = p.`__bucket`
  GROUP BY p.`airport_id`, p.`__b`
)
SELECT s.`__row`,
  `pass_0`.`a0` AS `f0`
FROM `asked` AS s
LEFT JOIN `pass_0`
  ON `pass_0`.`airport_id` = s.`airport_id`
  AND `pass_0`.`__b` = s.`__b_0`
ORDER BY s.`__row`
