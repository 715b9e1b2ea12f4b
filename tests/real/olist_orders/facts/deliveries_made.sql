/*
says: Orders that were delivered, and whether in time.
grain: one row a delivered order
key: order_id
reads: [orders]
lookback: 0 days
attributes: orders
columns:
  order_id: The order.
  customer: Who ordered.
  at: When it was ordered.
  late: Delivered after the promised time.
*/
SELECT
  o.order_id,
  COALESCE(o.customer, 'order:' || o.order_id) AS customer,
  o.ordered_at AS at,
  o.delivered_at > o.promised_at AS late,
  ATTRIBUTES(o)
FROM orders AS o
WHERE o.status = 'delivered'
