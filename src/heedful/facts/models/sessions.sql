/*
says: >-
  Visits: what one customer did without a pause of `session_gap_minutes`. They land with the
  first page view, or the first event where there is none. What follows more than a day after
  the beginning is left out: that is a machine, not a visit. Events without any id cannot be
  tied together and are left out.
grain: one row a session
key: session_id
reads: [stays, events]
lookback: 1 day + $session_gap_minutes minutes + $session_gap_minutes minutes
dimensions: [landing_page, touchpoint, device, channel, country, ai]
attributes: events
columns:
  session_id: The event they landed with.
  customer: Whose visit it was.
  at: When it began.
  pages: Page views.
  seconds: >-
    Seconds from the first event to the last, or to the end of the time that the source says was
    spent with one (up to a day); null where only one moment was seen.
  converted: >-
    Whether there was a conversion event, or an order where completing one is a conversion.
  bounced: >-
    One page view, no conversion, and no `bounce_seconds` known to be spent.
  engaged: 10 seconds or more, or two page views or more, or a conversion.
  depth: The largest share of a page seen or of a journey's steps reached, 0 to 1.
  frustrated: >-
    Whether there was a frustration event, such as a rage click, or a loop of form errors; null
    where the data has neither.
  landing_page: The page they landed on.
  touchpoint: Where they landed.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device they landed with.
  channel: How they came.
  country: Country or market.
*/
SELECT
  e.event_id AS session_id,
  e.customer,
  s.at,
  s.pages,
  s.seconds,
  s.converted,
  s.bounced,
  s.engaged,
  s.depth,
  s.frustrated,
  e.page AS landing_page,
  e.touchpoint,
  e.stage,
  e.ai,
  e.device,
  e.channel,
  e.country,
  ATTRIBUTES(e)
FROM stays AS s
JOIN events AS e ON e.event_id = s.landing
