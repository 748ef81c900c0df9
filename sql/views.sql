-- The views of a session over a lake. `files.NAME` are all rows of a table; `files.visible` holds ingest_id
-- and keypoints_ingest_id of each visible video. Views join it by one id, which no two videos share: a join on two
-- columns takes twice the time. docs/reference/sql.md is made of the comments above each view.

-- An ingested video, the newest ingestion of each. duration_s is in seconds, width and height in pixels; num_frames
-- counts frames at 24 a second. repairs lists what import changed in the data; events lists, where people were tracked by
-- this package, what happened in the video: cuts:2 (new shots in which all people stand elsewhere), people_returned:1
-- (returned after more than a second without a cut, and got the same number), crossings:3 (hidden behind another person
-- for up to a second, and found again), still_people:1 (someone who never moves, such as a picture, is not person 0, as
-- someone else moves their hands), clock:40.0=1.0 (the file's clock leaps: what it calls 40 s is at 1 s of the video).
-- events is null for videos that were ingested before there was this column.
create view videos as
from files.videos semi join files.visible using (ingest_id);

-- A caption with its times, and the measures that clips are selected by. Frames are a half-open range at 24 a second;
-- the confidences are means of the primary signer's scores; coverage is the share of frames with the signer, hands_seen
-- that of frames with both hands. A video without captions has one segment over its whole length: text is null, and
-- caption_kind is none.
create view segments as
from files.segments semi join files.visible using (ingest_id);

-- A cue of any caption track in any language. kind is manual, automatic or translated.
create view captions as
from files.captions semi join files.visible using (ingest_id);

-- One person in one frame; person 0 is the primary signer. The lists ..._xy hold x0, y0, x1, y1, ... in pixels and
-- ..._score one score a joint: joint_x('right_wrist') and the like look up a joint in them. An absent point is null
-- with score 0, an unknown score is null, and a part without any point is a null list. ingest_id is that of the ingestion
-- that wrote them, an earlier one than that of the video where only its captions were ingested since.
create view keypoints as
from files.keypoints semi join files.visible on keypoints.ingest_id = visible.keypoints_ingest_id;

-- An id that a manifest lists, with its label and metadata; the newest row of each id.
create view sources as
from files.sources
qualify row_number() over (partition by video_id order by listed_at desc, ingest_id desc) = 1;

-- One attempt at one stage of one video: its outcome (done, unavailable, blocked or failed) and the reason.
create view outcomes as from files.outcomes;

-- The part of a video in a named split; of splits that were made again, the newest.
create view splits as
from files.splits
qualify made_at = max(made_at) over (partition by name);

-- A clip: a segment with the metadata of its video. duration_s is the clip's own length in seconds.
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

-- Keypoints in long form: one row for each of the 128 joints of each person in each frame, by name (the table skeleton
-- lists them). x and y are pixels. Filters on joint, part, video_id, sign_language, frame and person reach the files:
-- for one joint only the lists of its part are read. Without a filter there are 128 rows per person and frame.
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
