/*
says: Tickets, and how long their first answer and first resolution took.
grain: one row a ticket
key: ticket_id
reads: [tickets]
lookback: all
columns:
  ticket_id: The ticket.
  customer: Who asked; the log does not say, so each ticket is a unit of its own.
  at: When it was opened.
  answer_hours: Hours to the first answer; null while there is none.
  resolution_hours: Hours to the first resolution, or how long it has been missing.
  resolved: Whether it was ever resolved.
*/
SELECT
  t.ticket_id,
  COALESCE(t.customer, 'ticket:' || t.ticket_id) AS customer,
  t.opened_at AS at,
  (EPOCH_US(t.first_response_at) - EPOCH_US(t.opened_at)) / 3600000000 AS answer_hours,
  (EPOCH_US(COALESCE(t.first_resolved_at, $tickets_until)) - EPOCH_US(t.opened_at))
    / 3600000000 AS resolution_hours,
  t.first_resolved_at IS NOT NULL AS resolved
FROM tickets AS t
