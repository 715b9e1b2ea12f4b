SELECT
  'o' || number AS order_id,
  '2008-03-22' AS ordered_at,
  'c' || number AS customer_id,
  spend AS amount
FROM (SELECT *, ROW_NUMBER() OVER () AS number FROM files)
WHERE conversion = '1'
