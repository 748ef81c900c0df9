-- Videos, hours and segments of each sign language, how many of these have a caption, and its share of the hours.
select
    videos.sign_language,
    languages.name,
    count(*) as videos,
    round(sum(videos.duration_s) / 3600, 3) as hours,
    coalesce(sum(counted.segments), 0)::bigint as segments,
    coalesce(sum(counted.captioned), 0)::bigint as captioned,
    round(100 * sum(videos.duration_s) / sum(sum(videos.duration_s)) over (), 2) as share_percent
from videos
left join languages using (sign_language)
left join (
    select video_id, count(*) as segments, count(text) as captioned
    from segments
    group by video_id
) as counted using (video_id)
group by videos.sign_language, languages.name
order by hours desc, videos desc, videos.sign_language;
