SELECT
  l.mql_id AS lead_id,
  l.first_contact_date AS created_at,
  l.origin,
  l.landing_page_id AS landing_page,
  d.won_date AS won_at
FROM leads AS l
LEFT JOIN deals AS d USING (mql_id)
