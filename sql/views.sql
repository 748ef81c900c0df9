-- What a session over a lake shows. `files.NAME` are the bare files of a table; `files.visible` holds video_id and
-- ingest_id of each visible video; an ingest_id is no other video's, and a join of one column takes half the time. The page
-- docs/sql.md is made of the comments above each view.

-- An ingested video, the newest ingestion of each. duration_s is in seconds, width and height in pixels; num_frames
-- counts frames at 24 a second. repairs says what import put right and, where people were told apart here, what happened
-- to them: cuts:2 (new shots in which everybody stands elsewhere), people_returned:1 (who came back after more than a
-- second, without a cut, and got the same number), crossings:3 (who was hidden behind another for up to a second and was
-- found again).
create view videos as
from files.videos semi join files.visible using (ingest_id);

-- A caption with its times, and what choosing asks for. Frames are a half-open range at 24 a second; the confidences are
-- means of the primary signer's scores; coverage is the share of frames with the signer, hands_seen that with both hands.
-- A video without captions has one segment over its whole length: text is null there, and caption_kind is none.
create view segments as
from files.segments semi join files.visible using (ingest_id);

-- A cue of any caption track in any language. kind is manual, automatic or translated.
create view captions as
from files.captions semi join files.visible using (ingest_id);

-- One person in one frame; person 0 is the primary signer. The lists ..._xy hold x0, y0, x1, y1, ... in pixels and
-- ..._score a score a joint: joint_x('right_wrist') and its like find a joint in them. An absent point is null with
-- score 0, an unknown score is null, and a part that was not there at all is a null list.
create view keypoints as
from files.keypoints semi join files.visible using (ingest_id);

-- What was asked for: an id of a manifest with its label and metadata, the newest row of each id.
create view sources as
from files.sources
qualify row_number() over (partition by video_id order by listed_at desc, ingest_id desc) = 1;

-- One attempt at one stage of one video: done, unavailable, blocked or failed, and why.
create view outcomes as from files.outcomes;

-- A video's part in a named split, of the newest making of each name.
create view splits as
from files.splits
qualify made_at = max(made_at) over (partition by name);

-- A clip: a segment with what is known of its video. duration_s is the clip's own length in seconds.
create view clips as
select
    segments.*,
    segments.num_frames / 24.0 as duration_s,
    videos.title,
    videos.channel,
    videos.channel_id,
    videos.url,
    videos.width,
    videos.height,
    videos.ingested_at
from segments
join videos using (video_id);

-- Keypoints in long form: a row for each of the 128 joints of each person in each frame, by name (the table skeleton
-- lists them). x and y are pixels. Filters on joint, part, video_id, sign_language, frame and person reach the files: of
-- one joint only the lists of its part are read. Without one there are 128 rows a person a frame: ask for few.
create view joints as
select
    keypoints.video_id, keypoints.ingest_id, keypoints.sign_language, keypoints.frame, keypoints.person,
    'body' as part, named.joint,
    body_xy[2 * named.place - 1] as x, body_xy[2 * named.place] as y, body_score[named.place] as score
from keypoints cross join files.body_joints as named
union all
select
    keypoints.video_id, keypoints.ingest_id, keypoints.sign_language, keypoints.frame, keypoints.person,
    'face' as part, named.joint,
    face_xy[2 * named.place - 1] as x, face_xy[2 * named.place] as y, face_score[named.place] as score
from keypoints cross join files.face_joints as named
union all
select
    keypoints.video_id, keypoints.ingest_id, keypoints.sign_language, keypoints.frame, keypoints.person,
    'left_hand' as part, named.joint,
    left_hand_xy[2 * named.place - 1] as x, left_hand_xy[2 * named.place] as y, left_hand_score[named.place] as score
from keypoints cross join files.left_hand_joints as named
union all
select
    keypoints.video_id, keypoints.ingest_id, keypoints.sign_language, keypoints.frame, keypoints.person,
    'right_hand' as part, named.joint,
    right_hand_xy[2 * named.place - 1] as x, right_hand_xy[2 * named.place] as y, right_hand_score[named.place] as score
from keypoints cross join files.right_hand_joints as named;
