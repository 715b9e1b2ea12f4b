SELECT
  order_id,
  customer_unique_id AS customer_id,
  order_purchase_timestamp AS ordered_at,
  COALESCE(SUM(payment_value), 0) AS amount,
  order_status AS status,
  order_estimated_delivery_date AS promised_at,
  order_delivered_customer_date AS delivered_at,
  customer_state AS state
FROM orders
JOIN customers USING (customer_id)
LEFT JOIN payments USING (order_id)
GROUP BY ALL
