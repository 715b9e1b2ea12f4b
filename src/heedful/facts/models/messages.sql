/*
says: >-
  Messages that arrived, and what people did with them within `message_window_days` of the
  sending. Messages without `delivered_at` did not arrive; where the source does not know, let
  it say `sent_at`. What no message of the data has (a click, a reply, an unsubscription) the
  source does not know, and the columns about it are null.
grain: one row a message
key: delivery_id
reads: [deliveries, stays]
lookback: >-
  $message_window_days days + 3 days + $session_gap_minutes minutes +
  $session_gap_minutes minutes + $click_window_minutes minutes
dimensions: [offer, campaign_id, touchpoint, channel, device, ai]
attributes: deliveries
columns:
  delivery_id: The message.
  customer: Who got it; for a message without any id a unit of its own.
  at: When it was sent.
  clicked: Whether it was clicked in time.
  qualified_click: >-
    Whether the click led to an engaged session: one that was going on at the click, or began
    within `click_window_minutes`; null for a message without any id.
  replied: Whether it was replied to in time.
  unsubscribed: Whether they unsubscribed through it, or marked it as spam, in time.
  offer: What it offered.
  campaign_id: The campaign it belongs to.
  touchpoint: Where it belongs.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device it was read on.
  channel: How it was sent.
*/
WITH arrived AS (
  SELECT
    d.delivery_id,
    d.customer,
    EPOCH_US(d.clicked_at) AS clicked,
    COALESCE(
      d.clicked_at >= d.sent_at
      AND EPOCH_US(d.clicked_at) - EPOCH_US(d.sent_at) <= $message_window_days * 86400000000,
      FALSE
    ) AS clicked_in_time,
    COALESCE(
      d.replied_at >= d.sent_at
      AND EPOCH_US(d.replied_at) - EPOCH_US(d.sent_at) <= $message_window_days * 86400000000,
      FALSE
    ) AS replied_in_time,
    COALESCE(
      d.unsubscribed_at >= d.sent_at
      AND EPOCH_US(d.unsubscribed_at) - EPOCH_US(d.sent_at) <= $message_window_days * 86400000000,
      FALSE
    ) AS unsubscribed_in_time,
    COALESCE(
      d.complained_at >= d.sent_at
      AND EPOCH_US(d.complained_at) - EPOCH_US(d.sent_at) <= $message_window_days * 86400000000,
      FALSE
    ) AS complained_in_time
  FROM deliveries AS d
  WHERE d.delivered_at IS NOT NULL
),
qualified AS (
  SELECT DISTINCT a.delivery_id
  FROM arrived AS a
  JOIN stays AS s ON s.customer = a.customer
  WHERE a.clicked_in_time
    AND s.engaged
    AND s.last >= a.clicked
    AND s.begun - a.clicked <= $click_window_minutes * 60000000
)
SELECT
  d.delivery_id,
  COALESCE(d.customer, 'delivery:' || d.delivery_id) AS customer,
  d.sent_at AS at,
  CASE WHEN $told_deliveries_clicked_at THEN a.clicked_in_time END AS clicked,
  CASE
    WHEN d.customer IS NOT NULL AND $told_deliveries_clicked_at AND $seen_page_events
      THEN q.delivery_id IS NOT NULL
  END AS qualified_click,
  CASE WHEN $told_deliveries_replied_at THEN a.replied_in_time END AS replied,
  CASE
    WHEN $told_deliveries_unsubscribed_at OR $told_deliveries_complained_at
      THEN a.unsubscribed_in_time OR a.complained_in_time
  END AS unsubscribed,
  d.offer,
  d.campaign_id,
  d.touchpoint,
  d.stage,
  d.ai,
  d.device,
  d.channel,
  ATTRIBUTES(d)
FROM arrived AS a
JOIN deliveries AS d ON d.delivery_id = a.delivery_id
LEFT JOIN qualified AS q ON q.delivery_id = a.delivery_id
