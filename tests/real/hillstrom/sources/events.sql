SELECT
  'v' || number AS event_id,
  '2008-03-21' AS occurred_at,
  'c' || number AS customer_id,
  'Page Viewed' AS event
FROM (SELECT *, ROW_NUMBER() OVER () AS number FROM files)
WHERE visit = '1'
