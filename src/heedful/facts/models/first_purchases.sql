/*
says: >-
  First orders of known customers, and whether another followed within `repeat_window_days`.
  Orders of one moment are one purchase: sources that know only the day give all orders of a day
  the same time.
grain: one row a buyer
key: customer
reads: [orders]
lookback: all
dimensions: [touchpoint, device, channel]
attributes: orders
columns:
  customer: Who bought.
  at: When the first order was placed.
  order_id: The first order.
  repeated: Whether a later order followed in time.
  matured: Whether the whole window had passed when the data ended.
  touchpoint: Where the first order was placed.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device it was placed on.
  channel: How the customer came.
*/
WITH bought AS (
  SELECT
    o.order_id,
    o.customer,
    EPOCH_US(o.ordered_at) AS moment,
    ROW_NUMBER() OVER (PARTITION BY o.customer ORDER BY o.ordered_at, o.order_id) AS nth,
    MIN(EPOCH_US(o.ordered_at)) OVER (PARTITION BY o.customer) AS first
  FROM orders AS o
  WHERE o.known AND o.amount >= 0
),
firsts AS (
  SELECT
    b.customer,
    MAX(CASE WHEN b.nth = 1 THEN b.order_id END) AS order_id,
    MAX(
      CASE
        WHEN b.moment > b.first AND b.moment - b.first <= $repeat_window_days * 86400000000 THEN 1
        ELSE 0
      END
    ) AS repeats
  FROM bought AS b
  GROUP BY b.customer
)
SELECT
  o.customer,
  o.ordered_at AS at,
  o.order_id,
  f.repeats = 1 AS repeated,
  EPOCH_US($orders_until) - EPOCH_US(o.ordered_at) >= $repeat_window_days * 86400000000 AS matured,
  o.touchpoint,
  o.stage,
  o.ai,
  o.device,
  o.channel,
  ATTRIBUTES(o)
FROM firsts AS f
JOIN orders AS o ON o.order_id = f.order_id
