-- Caption tracks of each kind and language: number, videos, amount of text, and reading speed.
-- kind is manual (by people), automatic (recognised from speech) or translated (by machine); language is that of the
-- text. words are separated by blanks, which says little of languages that write none; rates are over the time that
-- cues are shown.
-- Short form: kind, language, tracks, videos, cues, hours, words, words_per_second as words/s, characters_per_second as
-- chars/s
with of_tracks as (
    select
        kind, language, video_id, any_value(sign_language) as sign_language,
        count(*) as cues, sum(end_s - start_s) as seconds, sum(words(text)) as words, sum(length(text)) as characters
    from captions
    group by kind, language, video_id, track
)

select
    kind,
    language,
    count(*) as tracks,
    count(distinct video_id) as videos,
    count(distinct sign_language) as sign_languages,
    sum(cues)::bigint as cues,
    round(sum(seconds) / 3600, 3) as hours,
    sum(words)::bigint as words,
    sum(characters)::bigint as characters,
    round(sum(words) / nullif(sum(seconds), 0), 2) as words_per_second,
    round(sum(characters) / nullif(sum(seconds), 0), 2) as characters_per_second
from of_tracks
group by kind, language
order by cues desc, kind, language;
