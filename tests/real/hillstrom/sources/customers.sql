-- The file has no ids: its rows are the customers, in their order.
SELECT
  'c' || ROW_NUMBER() OVER () AS customer_id,
  channel,
  history,
  recency,
  newbie,
  zip_code
FROM files
