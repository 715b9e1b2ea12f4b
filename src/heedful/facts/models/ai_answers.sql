/*
says: What machines told customers or staff, how it was explained and what came of it.
grain: one row an output
key: output_id
reads: [ai_outputs]
lookback: 0 days
dimensions: [kind, model, model_version, touchpoint, device, channel, ai]
attributes: ai_outputs
columns:
  output_id: The output.
  customer: Who it was for; for an output without any id a unit of its own.
  at: When it was made.
  kind: recommendation, reply, score or message.
  model: The model that made it.
  model_version: Its version.
  has_rationale: Whether it comes with a reason that a person can read.
  has_policy: Whether it names the policy it rests on.
  has_confidence: Whether it comes with a confidence.
  explanation_shown: Whether the customer was shown why; null where that is not known.
  explanation_opened: Whether they opened the explanation; null where that is not known.
  explanation_accepted: Whether they accepted it; null where that is not known.
  overridden: Whether staff or customer decided otherwise; null where that is not known.
  reviewed: Whether a person reviewed it.
  review_passed: Whether it passed the review; null without one.
  traceable: Whether model, version and inputs are on record.
  auditable: Whether model, version, inputs and reviewer are on record.
  touchpoint: Where it was shown.
  stage: The touchpoint's stage.
  ai: Whether the touchpoint is an automated one; staff may be shown outputs elsewhere.
  device: The device it was shown on.
  channel: How it was shown.
*/
SELECT
  a.output_id,
  COALESCE(a.customer, 'output:' || a.output_id) AS customer,
  a.produced_at AS at,
  a.kind,
  a.model,
  a.model_version,
  COALESCE(TRIM(a.rationale) <> '', FALSE) AS has_rationale,
  COALESCE(TRIM(a.policy) <> '', FALSE) AS has_policy,
  a.confidence IS NOT NULL AS has_confidence,
  a.explanation_shown,
  a.explanation_opened,
  a.explanation_accepted,
  a.overridden,
  a.reviewed_at IS NOT NULL OR a.review_passed IS NOT NULL AS reviewed,
  a.review_passed,
  a.model IS NOT NULL AND a.model_version IS NOT NULL AND a.inputs IS NOT NULL AS traceable,
  COALESCE(
    TRIM(a.model) <> '' AND TRIM(a.model_version) <> ''
    AND TRIM(a.inputs) <> '' AND TRIM(a.reviewer) <> '',
    FALSE
  ) AS auditable,
  a.touchpoint,
  a.stage,
  a.ai,
  a.device,
  a.channel,
  ATTRIBUTES(a)
FROM ai_outputs AS a
