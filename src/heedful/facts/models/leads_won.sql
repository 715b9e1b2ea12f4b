/*
says: >-
  Leads, and whether they became qualified within `qualification_window_days` and were won within
  `lead_window_days`. Where that is null, they may at any time, and all of them count as matured.
  Where no lead of the data is qualified, the source does not know it.
grain: one row a lead
key: lead_id
reads: [leads]
lookback: all
dimensions: [origin, landing_page, touchpoint, device, channel]
attributes: leads
columns:
  lead_id: The lead.
  customer: Who it is; for a lead without any id a unit of its own.
  account: The account it is of; null where that is not known.
  at: First contact.
  origin: Where it came from.
  landing_page: First page.
  qualified: Whether it became qualified in time; null where that is not known.
  qualification_matured: Whether the window of qualification had passed when the data ended.
  asked_for_quote: Whether it asked for a quote; null where that is not known.
  quality: How good the request is, 0 to 1; null where nobody rated it.
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
WITH known AS (
  SELECT COUNT(l.qualified_at) > 0 AS qualifications FROM leads AS l
)
SELECT
  l.lead_id,
  COALESCE(l.customer, 'lead:' || l.lead_id) AS customer,
  l.account_id AS account,
  l.created_at AS at,
  l.origin,
  l.landing_page,
  CASE
    WHEN k.qualifications THEN l.qualified_at IS NOT NULL AND (
      $qualification_window_days IS NULL
      OR EPOCH_US(l.qualified_at) - EPOCH_US(l.created_at)
      <= $qualification_window_days * 86400000000
    )
  END AS qualified,
  $qualification_window_days IS NULL
    OR EPOCH_US($leads_until) - EPOCH_US(l.created_at) >= $qualification_window_days * 86400000000
    AS qualification_matured,
  l.asked_for_quote,
  CASE WHEN l.quality BETWEEN 0 AND 1 THEN l.quality END AS quality,
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
CROSS JOIN known AS k
