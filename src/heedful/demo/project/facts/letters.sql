/*
says: Messages that arrived.
grain: one row a message
key: delivery_id
reads: [deliveries]
lookback: 0 days
dimensions: [offer, touchpoint, device, channel]
columns:
  delivery_id: The message.
  customer: Who got it.
  at: When it was sent.
  opened: Whether it was opened.
  clicked: Whether it was clicked.
  left_list: Whether they unsubscribed through it or marked it as spam.
  offer: What it offered.
  touchpoint: Where it belongs.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The customer's device.
  channel: How it was sent.
*/
SELECT
  d.delivery_id,
  COALESCE(d.customer, 'delivery:' || d.delivery_id) AS customer,
  d.sent_at AS at,
  d.opened_at IS NOT NULL AS opened,
  d.clicked_at IS NOT NULL AS clicked,
  d.unsubscribed_at IS NOT NULL OR d.complained_at IS NOT NULL AS left_list,
  d.offer,
  d.touchpoint,
  d.stage,
  d.ai,
  d.device,
  d.channel
FROM deliveries AS d
WHERE d.delivered_at IS NOT NULL
