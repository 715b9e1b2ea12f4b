/*
says: Talks with the chatbot.
grain: one row a conversation
key: conversation_id
reads: [conversations]
lookback: 0 days
dimensions: [topic, touchpoint, device, channel]
columns:
  conversation_id: The conversation.
  customer: Who talked.
  at: When it began.
  misunderstood: Whether they had to say it again, or the machine did not understand.
  handed_over: Whether a person took over.
  resolved: Whether the matter was settled.
  topic: What it was about.
  touchpoint: Where it took place.
  stage: The touchpoint's stage.
  ai: Whether a machine talks at the touchpoint.
  device: The customer's device.
  channel: How they wrote.
*/
SELECT
  c.conversation_id,
  COALESCE(c.customer, 'conversation:' || c.conversation_id) AS customer,
  c.started_at AS at,
  COALESCE(c.rephrases, 0) + COALESCE(c.fallbacks, 0) > 0 AS misunderstood,
  c.handed_over_at IS NOT NULL AS handed_over,
  c.resolved,
  c.topic,
  c.touchpoint,
  c.stage,
  c.ai,
  c.device,
  c.channel
FROM conversations AS c
WHERE c.ai
