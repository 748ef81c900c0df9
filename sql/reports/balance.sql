-- How evenly the languages are represented, and how sampling by a temperature or a per-language cap would change it.
-- Each row weighs the languages by their videos, clips or hours (those of the videos). Temperature T draws a language
-- with a probability proportional to n^T: 1 is the lake as it is, 0 is uniform. A cap takes at most so many videos,
-- clips or hours of each language: a half, a fifth, ... of the largest. exp_shannon_entropy and inverse_simpson are
-- effective numbers of languages: this many languages of equal size would be as diverse; the first gives rare ones more
-- weight (Hill numbers of order 1 and 2). gini is 0 if all have the same size and nears 1 if one has nearly all.
-- top_percent is the share of the largest. kept_percent is the share that a cap keeps. repeats is how often the rarest
-- language would be drawn while as much is drawn as there is. `und` is left out.
-- Short form: weighted_by as by, temperature as T, cap, exp_shannon_entropy as effective, inverse_simpson as simpson,
-- top_language as top, top_percent as top %, kept_percent as kept %, repeats
with sizes as (
    select weighted_by, sign_language, n::double as n
    from (
        select 'clips' as weighted_by, sign_language, count(*) as n from segments group by sign_language
        union all by name
        unpivot (
            select sign_language, count(*)::double as videos, sum(duration_s) / 3600 as hours
            from videos
            group by sign_language
        ) on videos, hours into name weighted_by value n
    )
    where sign_language <> 'und' and n > 0
),

samplings as (
    select unnest([1, 0.7, 0.5, 0.3, 0])::double as temperature, null::double as share_of_largest
    union all
    select null, unnest([0.5, 0.2, 0.1, 0.05, 0.02, 0.01])
),

weighed as (
    select
        weighted_by, sign_language, n, temperature, share_of_largest,
        share_of_largest * max(n) over (partition by weighted_by) as most,
        case when temperature is null then least(n, most) else n ** temperature end as weight
    from sizes cross join samplings
),

shares as (
    select
        *,
        weight / sum(weight) over each_sampling as share,
        sum(n) over each_sampling as total,
        row_number() over (partition by weighted_by, temperature, share_of_largest order by weight, n) as place
    from weighed
    window each_sampling as (partition by weighted_by, temperature, share_of_largest)
)

select
    weighted_by,
    temperature,
    -- To three decimals, or three digits where it is less than 1.
    round(any_value(most), greatest(3, 2 - floor(log10(any_value(most))))::integer) as cap,
    count(*) as languages,
    round(exp(-sum(share * ln(share))), 2) as exp_shannon_entropy,
    round(1 / sum(share * share), 2) as inverse_simpson,
    round(greatest((2 * sum(place * share) - 1) / count(*) - 1, 0), 4) as gini,
    -- At temperature 0 all are equal and none is the largest.
    arg_max(sign_language, (share, n)) filter (temperature is distinct from 0) as top_language,
    round(100 * max(share), 2) as top_percent,
    case when temperature is null then round(100 * sum(weight) / any_value(total), 2) end as kept_percent,
    case when temperature is not null then round(max(share * total / n), 2) end as repeats
from shares
group by weighted_by, temperature, share_of_largest
order by weighted_by <> 'videos', weighted_by, temperature desc nulls last, share_of_largest desc;
