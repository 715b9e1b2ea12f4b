/*
says: Survey questions that were shown, answered or not.
grain: one row an invitation
key: invitation_id
reads: [invitations, responses]
lookback: 60 days
dimensions: [instrument, touchpoint, device, channel, survey, ai]
attributes: invitations
columns:
  invitation_id: The invitation.
  customer: Who was asked; for an invitation without any id a unit of its own.
  at: When it was shown or sent.
  instrument: Which question.
  answered: Whether an answer names it, given within 60 days.
  touchpoint: What the question was about.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device it was shown on.
  channel: How it was sent.
  survey: Name of the survey.
*/
WITH answers AS (
  SELECT r.invitation_id, EPOCH_US(r.answered_at) AS answered
  FROM responses AS r
  WHERE r.invitation_id IS NOT NULL
),
answered AS (
  SELECT DISTINCT i.invitation_id
  FROM invitations AS i
  JOIN answers AS a
    ON a.invitation_id = i.invitation_id
    AND ABS(a.answered - EPOCH_US(i.shown_at)) <= 60 * 86400000000
)
SELECT
  i.invitation_id,
  COALESCE(i.customer, 'invitation:' || i.invitation_id) AS customer,
  i.shown_at AS at,
  i.instrument,
  a.invitation_id IS NOT NULL AS answered,
  i.touchpoint,
  i.stage,
  i.ai,
  i.device,
  i.channel,
  i.survey,
  ATTRIBUTES(i)
FROM invitations AS i
LEFT JOIN answered AS a ON a.invitation_id = i.invitation_id
