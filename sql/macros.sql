-- Macros that stand for formulas. docs/reference/sql.md is made of the comments above each macro; what follows
-- `Example:` is run by a test. `files.seen()` is the threshold of a seen hand, SEEN in lake/model/thresholds.py. DuckDB
-- binds a macro when it is created, unless an operator on a parameter comes first: hence `+ 0` where columns of
-- keypoints occur and no joint does, and `|| ''` where binding takes 10 ms.

-- A sign language by any name: language('Polish') = language('pjm') = language('Polski Język Migowy') = 'pso'. An unknown
-- or ambiguous name is an error with the nearest languages, and so is the code of a spoken language, such as 'pl'.
-- Example: select count(*) as clips from clips where sign_language = language('Polish')
create macro language(language_name) as (
    select case
        when any_value(known.sign_language) is not null then any_value(known.sign_language)
        else error(coalesce(
            any_value(known.refusal),
            'no sign language is called ''' || language_name || ''': see the table languages'
        ))
    end
    from files.language_names as known
    where known.name = trim(regexp_replace(
        regexp_replace(strip_accents(lower(language_name)), '[''`\x{b4}\x{2bb}\x{2bc}\x{2018}\x{2019}]', '', 'g'),
        '[\t-\r \x{a0}\x{2000}-\x{200a}\x{202f}\x{3000}_\x{2010}-\x{2015}-]+', ' ', 'g'
    ))
);

-- The index of a named joint among the 128 points, counted from 0; null for an unknown name.
-- Example: select joint_index('right_wrist') as point
create macro joint_index(joint_name) as list_position(getvariable('joints'), joint_name) - 1;

-- The error of an unknown joint, with the nearest name.
create macro no_such_joint(joint_name) as error(
    'no joint is called ''' || joint_name || '''; nearest: ' || list_max(list_transform(
        getvariable('joints'),
        lambda known: {'near': jaro_winkler_similarity(known, lower(joint_name)), 'joint': known}
    )).joint || '; the table skeleton lists them'
);

-- x of a named joint in pixels, over keypoints. Only the lists of the joint's part are read.
-- Example: select avg(joint_x('nose')) as x from keypoints where person = 0
create macro joint_x(joint_name) as case
    when joint_index(joint_name) < 18 then body_xy[2 * joint_index(joint_name) + 1]
    when joint_index(joint_name) < 86 then face_xy[2 * (joint_index(joint_name) - 18) + 1]
    when joint_index(joint_name) < 107 then left_hand_xy[2 * (joint_index(joint_name) - 86) + 1]
    when joint_index(joint_name) < 128 then right_hand_xy[2 * (joint_index(joint_name) - 107) + 1]
    else no_such_joint(joint_name)
end;

-- y of a named joint in pixels, over keypoints. y grows downwards.
-- Example: select sign_language, avg(joint_y('right_wrist')) as y from keypoints where person = 0 group by all
create macro joint_y(joint_name) as case
    when joint_index(joint_name) < 18 then body_xy[2 * joint_index(joint_name) + 2]
    when joint_index(joint_name) < 86 then face_xy[2 * (joint_index(joint_name) - 18) + 2]
    when joint_index(joint_name) < 107 then left_hand_xy[2 * (joint_index(joint_name) - 86) + 2]
    when joint_index(joint_name) < 128 then right_hand_xy[2 * (joint_index(joint_name) - 107) + 2]
    else no_such_joint(joint_name)
end;

-- The model's score of a named joint, over keypoints: 0 where the point is absent, null where the score is unknown.
-- Example: select avg(joint_score('left_index_4')) as score from keypoints where person = 0
create macro joint_score(joint_name) as case
    when joint_index(joint_name) < 18 then body_score[joint_index(joint_name) + 1]
    when joint_index(joint_name) < 86 then face_score[joint_index(joint_name) - 18 + 1]
    when joint_index(joint_name) < 107 then left_hand_score[joint_index(joint_name) - 86 + 1]
    when joint_index(joint_name) < 128 then right_hand_score[joint_index(joint_name) - 107 + 1]
    else no_such_joint(joint_name)
end;

-- x, y and score of a named joint, over keypoints: joint('nose').y is its height. Columns that are not used are not
-- read.
-- Example: select frame, joint('right_wrist') as wrist from keypoints where person = 0 order by video_id, frame limit 3
create macro joint(joint_name) as {
    'x': joint_x(joint_name),
    'y': joint_y(joint_name),
    'score': joint_score(joint_name)
};

-- The distance of two named joints in a row of keypoints, in pixels.
-- Example: select avg(joint_distance('right_wrist', 'nose')) as pixels from keypoints where person = 0
create macro joint_distance(one_joint, other_joint) as sqrt(
    (joint_x(one_joint) - joint_x(other_joint)) ** 2 + (joint_y(one_joint) - joint_y(other_joint)) ** 2
);

-- A length in pixels as a multiple of the person's shoulder width in the same row of keypoints: comparable between
-- people near and far.
-- Example: select avg(shoulder_widths(joint_y('neck') - joint_y('right_wrist'))) as height from keypoints
create macro shoulder_widths(pixels) as (pixels + 0) / nullif(joint_distance('left_shoulder', 'right_shoulder'), 0);

-- The speed of a named joint over keypoints, in pixels a second since the previous frame; null where that frame lacks
-- the person or the point. It needs all frames: a condition on frame hides the previous frame as well.
-- Example: select max(speed) as fastest from (select joint_speed('right_wrist') as speed from keypoints)
create macro joint_speed(joint_name) as case
    when frame - lag(frame) over (partition by video_id, person order by frame) = 1 then 24 * sqrt(
        (joint_x(joint_name) - lag(joint_x(joint_name)) over (partition by video_id, person order by frame)) ** 2
        + (joint_y(joint_name) - lag(joint_y(joint_name)) over (partition by video_id, person order by frame)) ** 2
    )
end;

-- The speed of both wrists in every frame of a video: in pixels a second, and in shoulder widths a second (the person's
-- median shoulder width over the video).
-- Example: select person, avg(right_widths) as widths_a_second from wrist_speed('two-people0') group by all
create macro wrist_speed(of_video) as table
select
    video_id, frame, person,
    right_pixels, left_pixels,
    right_pixels / shoulder_pixels as right_widths, left_pixels / shoulder_pixels as left_widths
from (
    select
        video_id, frame, person,
        joint_speed('right_wrist') as right_pixels,
        joint_speed('left_wrist') as left_pixels,
        nullif(median(joint_distance('left_shoulder', 'right_shoulder')) over (partition by video_id, person), 0) as shoulder_pixels
    from keypoints
    where video_id = of_video || ''
)
order by person, frame;

-- Whether a row of keypoints shows both hands: each with a confidence above the threshold, by default that of
-- hands_seen in segments.
-- Example: select video_id, avg(hands_in_view()::int) as share from keypoints where person = 0 group by all
create macro hands_in_view(above := files.seen()) as coalesce(
    (above + 0) < left_hand_confidence and (above + 0) < right_hand_confidence, false
);

-- The number of frames that two half-open ranges share.
-- Example: select segment_id from segments where frames_overlap(start_frame, end_frame, 0, 48) > 0
create macro frames_overlap(start_one, end_one, start_two, end_two) as greatest(
    least(end_one, end_two) - greatest(start_one, start_two), 0
);

-- The frame that is shown at a time in seconds: the first frame of a range that begins there.
-- Example: select * from keypoints where frame >= seconds_to_frame(1.5)
create macro seconds_to_frame(seconds) as floor(seconds * 24)::int;

-- The end, as a frame, of a half-open range that ends at a time in seconds: frame < this.
-- Example: select count(*) as frames from keypoints where frame < seconds_to_end_frame(2.01)
create macro seconds_to_end_frame(seconds) as ceil(seconds * 24)::int;

-- The time in seconds at which a frame begins.
-- Example: select segment_id, frame_to_seconds(end_frame) as ends_at from segments
create macro frame_to_seconds(frame_number) as frame_number / 24.0;

-- The number of words of a text, which are separated by blanks. It says little of writing that has no blanks between
-- words.
-- Example: select sum(words(text)) as words from segments
create macro words(of_text) as len(string_split_regex(trim(of_text), '\s+')) - (trim(of_text) = '')::int;

-- Whether a text contains another, in any case of any script, and in any of Unicode's forms and widths of its letters, as
-- `signverse select --text` finds it: has_text(text, 'cafe') is true of CAFE, not of café. It takes less time than
-- contains(lower(text), 'cafe'), and less than ilike: a pattern is looked for, and only texts that have it are compared letter
-- by letter.
-- Example: select count(*) as segments from segments where has_text(text, 'weather')
create macro has_text(in_text, searched) as case
    -- Of ASCII, which has one form: what the pattern finds need not be folded.
    when strlen(in_text) = length(in_text) then case
        when not regexp_matches(in_text, text_pattern(searched, true)) then false
        else contains(lower(in_text), files.folded(searched))
    end
    when not regexp_matches(in_text, text_pattern(searched, false)) then false
    else contains(files.folded(in_text), files.folded(searched))
end;
