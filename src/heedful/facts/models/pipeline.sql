/*
says: >-
  Deals by month, in the project's timezone: open when it ends (in the month in progress: when
  the data ends), or won or lost in it. A deal is closed when it was won, else when it was lost;
  one that was closed before it was opened is an error of the source and is left out.
grain: one row a deal and month in which it was open or closed
key: [opportunity_id, at]
reads: [opportunities, months]
lookback: all
grains: [month]
dimensions: [origin]
attributes: opportunities
columns:
  opportunity_id: The deal.
  customer: >-
    The contact person; where none is known, the account as a unit of its own, else the deal.
  account: Who might buy; null where that is not known.
  at: The first moment of the month.
  is_open: 1 where it is open when the month ends, else 0.
  is_closed: 1 where it was won or lost in the month, else 0.
  is_won: 1 where it was won in the month, else 0.
  won_amount: Its worth, where it was won in the month; null where not, or where it is not known.
  won_days: Days from the opening to the win, where it was won in the month; else null.
  origin: Where it came from.
  pipeline_stage: Stage in the pipeline now; as it tells the outcome, nothing is broken down by it.
*/
WITH timed AS (
  SELECT
    o.*,
    EPOCH_US(o.opened_at) AS opened,
    EPOCH_US(COALESCE(o.won_at, o.lost_at)) AS closed
  FROM opportunities AS o
  WHERE COALESCE(o.won_at, o.lost_at) IS NULL OR COALESCE(o.won_at, o.lost_at) >= o.opened_at
),
monthly AS (
  SELECT
    t.*,
    m.starts_at AS month_at,
    COALESCE(t.closed < EPOCH_US(m.ends_at), FALSE) AS ended
  FROM timed AS t
  JOIN months AS m
    ON t.opened < EPOCH_US(m.ends_at)
    AND COALESCE(t.closed >= EPOCH_US(m.starts_at), TRUE)
)
SELECT
  d.opportunity_id,
  COALESCE(d.customer, 'account:' || d.account_id, 'deal:' || d.opportunity_id) AS customer,
  d.account_id AS account,
  d.month_at AS at,
  CASE WHEN d.ended THEN 0 ELSE 1 END AS is_open,
  CASE WHEN d.ended THEN 1 ELSE 0 END AS is_closed,
  CASE WHEN d.ended AND d.won_at IS NOT NULL THEN 1 ELSE 0 END AS is_won,
  CASE WHEN d.ended AND d.won_at IS NOT NULL THEN d.amount END AS won_amount,
  CASE
    WHEN d.ended AND d.won_at IS NOT NULL THEN CAST(d.closed - d.opened AS DOUBLE) / 86400000000
  END AS won_days,
  d.origin,
  d.pipeline_stage,
  ATTRIBUTES(d)
FROM monthly AS d
