-- A sign language by any name: language('Polish') = language('pjm') = language('pso') = 'pso'.
-- An unknown or ambiguous name is an error that says which are meant.
create macro language(language_name) as (
    select case
        when any_value(known.sign_language) is not null then any_value(known.sign_language)
        else error(coalesce(
            any_value(known.refusal),
            'no sign language is called ''' || language_name || ''': see the table languages'
        ))
    end
    from files.language_names as known
    where known.asked = trim(regexp_replace(lower(language_name), '[\s_]+', ' ', 'g'))
);

-- The place of a named joint among the 128 points, from 0; null where no joint is called that.
create macro joint_index(joint_name) as list_position(getvariable('joints'), joint_name) - 1;

-- x, y and score of a named joint, in a query over keypoints: select avg(joint_y('right_wrist')) from keypoints.
-- Lists count from 1 in DuckDB; x of joint j is element 2j + 1 of its part, y is 2j + 2. Only the part's own column is read.
create macro joint_x(joint_name) as case
    when joint_index(joint_name) < 18 then body_xy[2 * joint_index(joint_name) + 1]
    when joint_index(joint_name) < 86 then face_xy[2 * (joint_index(joint_name) - 18) + 1]
    when joint_index(joint_name) < 107 then left_hand_xy[2 * (joint_index(joint_name) - 86) + 1]
    when joint_index(joint_name) < 128 then right_hand_xy[2 * (joint_index(joint_name) - 107) + 1]
    else error('no joint is called ''' || joint_name || ''': see the table joints')
end;

create macro joint_y(joint_name) as case
    when joint_index(joint_name) < 18 then body_xy[2 * joint_index(joint_name) + 2]
    when joint_index(joint_name) < 86 then face_xy[2 * (joint_index(joint_name) - 18) + 2]
    when joint_index(joint_name) < 107 then left_hand_xy[2 * (joint_index(joint_name) - 86) + 2]
    when joint_index(joint_name) < 128 then right_hand_xy[2 * (joint_index(joint_name) - 107) + 2]
    else error('no joint is called ''' || joint_name || ''': see the table joints')
end;

create macro joint_score(joint_name) as case
    when joint_index(joint_name) < 18 then body_score[joint_index(joint_name) + 1]
    when joint_index(joint_name) < 86 then face_score[joint_index(joint_name) - 18 + 1]
    when joint_index(joint_name) < 107 then left_hand_score[joint_index(joint_name) - 86 + 1]
    when joint_index(joint_name) < 128 then right_hand_score[joint_index(joint_name) - 107 + 1]
    else error('no joint is called ''' || joint_name || ''': see the table joints')
end;
