-- Lengths of clips and videos: quantiles in seconds by sign language, and over all.
-- p05 to p95 are quantiles: one in twenty is shorter than p05, half are shorter than p50. Rows without a language cover
-- all languages.
-- Short form: of, sign_language as language, name, number, p05_s as p05 s, p50_s as p50 s,
-- p95_s as p95 s, longest_s as longest s
with lengths as (
    select 'clips' as of, sign_language, num_frames / 24.0 as seconds from segments
    union all
    select 'videos', sign_language, duration_s from videos
),

counted as (
    select
        of, sign_language, count(*) as number, sum(seconds) as total, min(seconds) as shortest, max(seconds) as longest,
        quantile_cont(seconds, [0.05, 0.25, 0.5, 0.75, 0.95]) as quantiles
    from lengths
    group by grouping sets ((of), (of, sign_language))
)

select
    of,
    sign_language,
    languages.name,
    number,
    round(total / 3600, 3) as hours,
    round(total / number, 2) as mean_s,
    round(shortest, 2) as shortest_s,
    round(quantiles[1], 2) as p05_s,
    round(quantiles[2], 2) as p25_s,
    round(quantiles[3], 2) as p50_s,
    round(quantiles[4], 2) as p75_s,
    round(quantiles[5], 2) as p95_s,
    round(longest, 2) as longest_s
from counted
left join languages using (sign_language)
order by of, sign_language is not null, total desc, sign_language;
