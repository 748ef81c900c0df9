-- The tables as people mean them: the newest ingestion of every video, and only what belongs to it.
-- `files.NAME` are the bare files of a table; `files.visible` holds video_id and ingest_id of each visible video.

create view videos as
from files.videos semi join files.visible using (video_id, ingest_id);

create view segments as
from files.segments semi join files.visible using (video_id, ingest_id);

create view captions as
from files.captions semi join files.visible using (video_id, ingest_id);

create view keypoints as
from files.keypoints semi join files.visible using (video_id, ingest_id);

-- What was asked for: the newest row of each id.
create view sources as
from files.sources
qualify row_number() over (partition by video_id order by listed_at desc, ingest_id desc) = 1;

create view outcomes as from files.outcomes;

create view splits as from files.splits;

-- A clip is a segment with what is known of its video.
create view clips as
select
    segments.*,
    segments.num_frames / 24.0 as duration_s,
    videos.title,
    videos.channel,
    videos.url,
    videos.width,
    videos.height
from segments
join videos using (video_id);
