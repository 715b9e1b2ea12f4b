-- One review may be about two orders; it is then an answer about each.
SELECT
  review_id || '-' || order_id AS response_id,
  customer_unique_id AS customer_id,
  order_id,
  review_answer_timestamp AS answered_at,
  'csat' AS instrument,
  review_score AS score,
  review_comment_message AS comment,
  CASE
    WHEN order_delivered_customer_date > order_estimated_delivery_date THEN 'true'
    WHEN order_delivered_customer_date IS NOT NULL THEN 'false'
  END AS late,
  customer_state AS state
FROM reviews
JOIN orders USING (order_id)
JOIN customers USING (customer_id)
