-- Videos, clips and hours of each sign language, its share of the hours, its captions and its keypoints' confidence.
-- hours are those of the videos. body_p10, body_p50 and body_p90 are quantiles of the clips' mean confidence of that
-- part of the primary signer, and so for the other parts; manual, automatic, translated and uncaptioned count clips by
-- the kind of their caption.
-- Short form: sign_language as language, name, videos, clips, hours, share_percent as share %,
-- left_hand_p50 as left hand p50, right_hand_p50 as right hand p50
with of_videos as (
    select sign_language, count(*) as videos, sum(duration_s) / 3600 as hours
    from videos
    group by sign_language
),

of_clips as (
    select
        sign_language,
        count(*) as clips,
        count(*) filter (caption_kind = 'manual') as manual,
        count(*) filter (caption_kind = 'automatic') as automatic,
        count(*) filter (caption_kind = 'translated') as translated,
        count(*) filter (caption_kind = 'none') as uncaptioned,
        quantile_cont(body_confidence, [0.1, 0.5, 0.9])::float[] as body,
        quantile_cont(face_confidence, [0.1, 0.5, 0.9])::float[] as face,
        quantile_cont(left_hand_confidence, [0.1, 0.5, 0.9])::float[] as left_hand,
        quantile_cont(right_hand_confidence, [0.1, 0.5, 0.9])::float[] as right_hand
    from segments
    group by sign_language
)

select
    sign_language,
    languages.name,
    videos,
    coalesce(clips, 0) as clips,
    round(hours, 3) as hours,
    round(100 * hours / sum(hours) over (), 2) as share_percent,
    coalesce(manual, 0) as manual,
    coalesce(automatic, 0) as automatic,
    coalesce(translated, 0) as translated,
    coalesce(uncaptioned, 0) as uncaptioned,
    round(body[1], 3) as body_p10, round(body[2], 3) as body_p50, round(body[3], 3) as body_p90,
    round(face[1], 3) as face_p10, round(face[2], 3) as face_p50, round(face[3], 3) as face_p90,
    round(left_hand[1], 3) as left_hand_p10, round(left_hand[2], 3) as left_hand_p50,
    round(left_hand[3], 3) as left_hand_p90,
    round(right_hand[1], 3) as right_hand_p10, round(right_hand[2], 3) as right_hand_p50,
    round(right_hand[3], 3) as right_hand_p90
from of_videos
left join of_clips using (sign_language)
left join languages using (sign_language)
order by of_videos.hours desc, videos desc, sign_language;
