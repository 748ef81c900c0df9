"""The download of one video, in a worker process. It knows the media folder, captions and the decoder, no lake.

Start with worker.py.

    worker.py           what a worker does: a task in, an attempt out
    ytdlp.py            yt-dlp: info, captions and video of an address
    caption_choice.py   which caption tracks are downloaded
    outcomes.py         done, unavailable, blocked or failed: what an error stands for
    outcome_rules.csv   the patterns of error messages, with an example each
    reach.py            which addresses are connected to and which programs started
    settings.py         height, captions, cookies, rate: the settings of a worker
"""
