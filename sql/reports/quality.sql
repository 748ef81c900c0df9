-- Confidence of the keypoints of each sign language, share of frames with the signer and both hands, number of people.
-- All over clips: ..._confidence is the median of their mean confidences (of the primary signer), coverage the mean
-- share of frames with the signer, hands_seen that of frames with both hands. clear_hands_percent counts clips in which
-- both hands have a confidence of at least 0.5, steady_percent those with both hands in at least 0.9 of the frames,
-- several_people_percent those with more than one person in some frame. body_unknown_percent counts clips whose source
-- lost the scores of the body.
-- Short form: sign_language as language, name, clips, coverage, hands_seen as hands seen, clear_hands_percent as clear
-- %, steady_percent as steady %, several_people_percent as several people %
select
    sign_language,
    any_value(languages.name) as name,
    count(*) as clips,
    round(median(body_confidence), 3) as body_confidence,
    round(median(face_confidence), 3) as face_confidence,
    round(median(left_hand_confidence), 3) as left_hand_confidence,
    round(median(right_hand_confidence), 3) as right_hand_confidence,
    round(100 * avg((body_confidence is null)::int), 2) as body_unknown_percent,
    round(avg(coverage), 3) as coverage,
    round(avg(hands_seen), 3) as hands_seen,
    round(100 * avg(coalesce(least(left_hand_confidence, right_hand_confidence) >= files.clear_hands()
        and left_hand_confidence is not null and right_hand_confidence is not null, false)::int), 2) as clear_hands_percent,
    round(100 * avg((hands_seen >= files.steady_hands())::int), 2) as steady_percent,
    round(100 * avg((people_max > 1)::int), 2) as several_people_percent,
    max(people_max) as most_people
from segments
left join languages using (sign_language)
group by sign_language
order by clips desc, sign_language;
