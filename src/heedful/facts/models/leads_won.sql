/*
says: >-
  Leads, and whether they were won within `lead_window_days`. Where that is null, they may be
  won at any time and all of them count as matured.
grain: one row a lead
key: lead_id
reads: [leads]
lookback: $lead_window_days days
dimensions: [origin, landing_page, touchpoint, device, channel]
attributes: leads
columns:
  lead_id: The lead.
  customer: Who it is; for a lead without any id a unit of its own.
  at: First contact.
  origin: Where it came from.
  landing_page: First page.
  qualified: Whether it became qualified.
  won: Whether it was won in time.
  lost: Whether it was given up.
  matured: Whether the whole window had passed when the data ended.
  value: Worth of the deal.
  touchpoint: Where the first contact was.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device of the first contact.
  channel: How they came.
*/
SELECT
  l.lead_id,
  COALESCE(l.customer, 'lead:' || l.lead_id) AS customer,
  l.created_at AS at,
  l.origin,
  l.landing_page,
  l.qualified_at IS NOT NULL AS qualified,
  l.won_at IS NOT NULL AND (
    $lead_window_days IS NULL
    OR EPOCH_US(l.won_at) - EPOCH_US(l.created_at) <= $lead_window_days * 86400000000
  ) AS won,
  l.lost_at IS NOT NULL AS lost,
  $lead_window_days IS NULL
    OR EPOCH_US($leads_until) - EPOCH_US(l.created_at) >= $lead_window_days * 86400000000
    AS matured,
  l.value,
  l.touchpoint,
  l.stage,
  l.ai,
  l.device,
  l.channel,
  ATTRIBUTES(l)
FROM leads AS l
