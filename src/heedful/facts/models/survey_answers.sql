/*
says: Answers to survey questions.
grain: one row an answered question
key: response_id
reads: [responses]
lookback: 0 days
dimensions: [instrument, touchpoint, device, channel, language, survey, ai]
attributes: responses
columns:
  response_id: The answer.
  customer: Who answered; for an answer without any id a unit of its own.
  at: When it was given.
  instrument: Which question, such as csat, nps or ces.
  score: The answer as a number; null where they only wrote something.
  scale_min: Lowest answer on offer; where not given 0 for nps and 1 for all others.
  scale_max: Highest answer on offer; where not given 10 for nps, 7 for ces and 5 for all others.
  weight: Survey weight; null where the source has none.
  touchpoint: What the question was about.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The device it was answered on.
  channel: How it was answered.
  language: Language of the answer.
  survey: Name of the survey.
  comment: What they wrote with it.
*/
SELECT
  r.response_id,
  COALESCE(r.customer, 'response:' || r.response_id) AS customer,
  r.answered_at AS at,
  r.instrument,
  r.score,
  COALESCE(r.scale_min, CASE WHEN r.instrument = 'nps' THEN 0 ELSE 1 END) AS scale_min,
  COALESCE(
    r.scale_max,
    CASE r.instrument WHEN 'nps' THEN 10 WHEN 'ces' THEN 7 ELSE 5 END
  ) AS scale_max,
  r.weight,
  r.touchpoint,
  r.stage,
  r.ai,
  r.device,
  r.channel,
  r.language,
  r.survey,
  r.comment,
  ATTRIBUTES(r)
FROM responses AS r
