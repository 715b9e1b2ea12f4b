-- Fifteen ratings of one passenger stand in fifteen columns; each becomes an answer.
-- 1 to 5 are ratings; 6 means never used, 0 and blank mean no answer.
WITH answers AS (
  SELECT
    '2016-' || "*RESPNUM" AS passenger,
    strptime(INTDATE, '%m/%d/%Y %I:%M:%S %p') AS answered_at,
    Q7ART, Q7FOOD, Q7STORE, Q7SIGN, Q7WALKWAYS, Q7SCREENS, Q7INFODOWN, Q7INFOUP,
    Q7WIFI, Q7ROADS, Q7PARK, Q7AIRTRAIN, Q7LTPARKING, Q7RENTAL, Q7ALL
  FROM survey_2016
  UNION ALL
  SELECT
    '2017-' || RESPNUM,
    make_timestamp(2017, 5, INTDATE, 0, 0, 0.0),
    Q7ART, Q7FOOD, Q7STORE, Q7SIGN, Q7WALKWAYS, Q7SCREENS, Q7INFODOWN, Q7INFOUP,
    Q7WIFI, Q7ROADS, Q7PARK, Q7AIRTRAIN, Q7LTPARKING, Q7RENTAL, Q7ALL
  FROM survey_2017
),
asked AS (
  SELECT passenger, answered_at, unnest([
    {touchpoint: 'artwork', score: Q7ART},
    {touchpoint: 'restaurants', score: Q7FOOD},
    {touchpoint: 'shops', score: Q7STORE},
    {touchpoint: 'signs', score: Q7SIGN},
    {touchpoint: 'walkways', score: Q7WALKWAYS},
    {touchpoint: 'screens', score: Q7SCREENS},
    {touchpoint: 'information_lower', score: Q7INFODOWN},
    {touchpoint: 'information_upper', score: Q7INFOUP},
    {touchpoint: 'wifi', score: Q7WIFI},
    {touchpoint: 'roads', score: Q7ROADS},
    {touchpoint: 'parking', score: Q7PARK},
    {touchpoint: 'airtrain', score: Q7AIRTRAIN},
    {touchpoint: 'long_term_parking', score: Q7LTPARKING},
    {touchpoint: 'rental_cars', score: Q7RENTAL},
    {touchpoint: 'airport', score: Q7ALL}
  ]) AS answer
  FROM answers
)
SELECT
  passenger || '-' || answer.touchpoint AS response_id,
  answered_at,
  passenger AS customer_id,
  'csat' AS instrument,
  answer.touchpoint AS touchpoint,
  answer.score AS score
FROM asked
WHERE answer.score BETWEEN 1 AND 5
