/*
says: >-
  Visits that a campaign brought: those whose landing event names one. What the campaign said is
  its creative; the page that it leads to is the campaign's, where that is known.
grain: one row a session that a campaign brought
key: click_id
reads: [stays, events, campaigns]
lookback: 1 day + $session_gap_minutes minutes + $session_gap_minutes minutes
dimensions: [creative_on_page, creative, campaign_id, landing_page, touchpoint, device, channel, country]
attributes: events
columns:
  click_id: The event they landed with.
  customer: Who came.
  at: When the visit began.
  bounced: One page view, no conversion, and no `bounce_seconds` known to be spent.
  campaign_id: The campaign.
  creative: Its creative.
  landing_page: The page they landed on.
  creative_on_page: Creative and landing page together; null where one is not known.
  on_its_page: Whether that is the page the campaign leads to; null where that is not known.
  touchpoint: Where they landed.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device they landed with.
  channel: How they came.
  country: Country or market.
*/
SELECT
  e.event_id AS click_id,
  e.customer,
  s.at,
  s.bounced,
  e.campaign_id,
  c.creative,
  e.page AS landing_page,
  c.creative || ' on ' || e.page AS creative_on_page,
  e.page = c.landing_page AS on_its_page,
  e.touchpoint,
  e.stage,
  e.ai,
  e.device,
  e.channel,
  e.country,
  ATTRIBUTES(e)
FROM stays AS s
JOIN events AS e ON e.event_id = s.landing
LEFT JOIN campaigns AS c ON c.campaign_id = e.campaign_id
WHERE e.campaign_id IS NOT NULL
