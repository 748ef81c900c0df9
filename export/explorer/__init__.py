"""The page of `signverse explore`: a lake in the browser, served from this machine.

May import export.draw and lake. What the page says is a `Selection`: its address holds the options of `signverse
select`. Start with server.py for what can be asked, and with static/main.js for the page.

- server.py: the routes; errors in one line. answers.py: what each answers.
- session.py: the lake that is looked at.
- guard.py: who may ask: hosts, origins, tokens, what a browser may load.
- listen.py: the socket, the address, the browser.
- about.py: what the page has to know once.
- catalog.py: the clips of a lake in memory, chosen by the conditions of a selection.
- counting.py: how many clips each value of a filter leaves.
- points.py: keypoints as small binary answers.
- details.py: what the page tells of one clip, in words.
- commands.py: what is on the screen as a command and as SQL.
- picks.py: the selection file of the picked clips.
- media.py: the videos of a folder, by id.
"""
