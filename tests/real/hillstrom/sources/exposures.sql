SELECT
  'x' || number AS exposure_id,
  '2008-03-20' AS exposed_at,
  'reminder' AS experiment,
  segment AS variant,
  'c' || number AS customer_id
FROM (SELECT *, ROW_NUMBER() OVER () AS number FROM files)
