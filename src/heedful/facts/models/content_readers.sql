/*
says: >-
  People who looked at content, by month in the project's timezone, and whether they saved or
  shared any in it. Where no event of the data saves or shares, the source does not know, and
  `saved` is null. Events without any id cannot be tied together and are left out.
grain: one row a customer and month
key: [customer, month]
reads: [events]
lookback: 32 days
grains: [month, quarter, all]
columns:
  customer: Who looked at content.
  at: When they first did in the month.
  month: Its first day.
  views: How often they did.
  saved: Whether they saved or shared any in the month.
*/
WITH acts AS (
  SELECT
    e.customer,
    e.occurred_at,
    CAST(DATE_TRUNC('MONTH', e.occurred_at AT TIME ZONE $timezone) AS DATE) AS month,
    CASE WHEN e.event IN ($content_viewed) THEN 1 ELSE 0 END AS views,
    CASE WHEN e.event IN ($content_saved) THEN 1 ELSE 0 END AS saves
  FROM events AS e
  WHERE e.customer IS NOT NULL AND (e.event IN ($content_viewed) OR e.event IN ($content_saved))
)
SELECT
  a.customer,
  MIN(CASE WHEN a.views = 1 THEN a.occurred_at END) AS at,
  a.month,
  CAST(SUM(a.views) AS BIGINT) AS views,
  CASE WHEN $seen_content_saved THEN MAX(a.saves) = 1 END AS saved
FROM acts AS a
GROUP BY a.customer, a.month
HAVING SUM(a.views) > 0
