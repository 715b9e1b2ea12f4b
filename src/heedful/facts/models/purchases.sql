/*
says: Orders, and refunds that are rows of their own.
grain: one row an order or refund
key: order_id
reads: [orders]
lookback: 0 days
dimensions: [touchpoint, device, channel, late]
attributes: orders
columns:
  order_id: The order, or the refund.
  customer: Who bought; for an order without any id a unit of its own.
  at: When it was placed.
  is_order: 1 for an order, 0 for a row with a negative amount, which is a refund or credit.
  gross_amount: What was charged; 0 for a refund.
  refunded_amount: What was paid back on the order, or by the refund.
  net_amount: Gross less refunded.
  refunded: Whether anything was paid back on the order; null for a refund.
  late: Whether it was delivered after the promised time; null where that is not known.
  touchpoint: Where it was placed.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device it was placed on.
  channel: How the customer came.
*/
SELECT
  o.order_id,
  COALESCE(o.customer, 'order:' || o.order_id) AS customer,
  o.ordered_at AS at,
  CASE WHEN o.amount >= 0 THEN 1 ELSE 0 END AS is_order,
  CASE WHEN o.amount >= 0 THEN o.amount ELSE 0 END AS gross_amount,
  CASE WHEN o.amount >= 0 THEN COALESCE(o.refunded_amount, 0) ELSE -o.amount END AS refunded_amount,
  CASE WHEN o.amount >= 0 THEN o.amount - COALESCE(o.refunded_amount, 0) ELSE o.amount END
    AS net_amount,
  CASE WHEN o.amount >= 0 THEN COALESCE(o.refunded_amount, 0) > 0 END AS refunded,
  o.delivered_at > o.promised_at AS late,
  o.touchpoint,
  o.stage,
  o.ai,
  o.device,
  o.channel,
  ATTRIBUTES(o)
FROM orders AS o
