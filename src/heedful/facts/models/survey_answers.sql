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
  score: >-
    The answer as a number, turned where the scale was asked the other way round, so that the
    highest is always what the instrument calls high; null where they only wrote something.
  scale_min: Lowest answer on offer; where not given that of the instrument, null for unknown ones.
  scale_max: Highest answer on offer; where not given that of the instrument, null for unknown ones.
  boxes: >-
    How many of the highest answers of this scale count as its top boxes: as many as the
    instrument says, but never more than half of them; null for unknown instruments.
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
  r.scale_min,
  r.scale_max,
  r.boxes,
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
