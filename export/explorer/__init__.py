"""The page of `signverse explore`: a lake in the browser, served from this machine.

May import export.draw and lake. What the page says is a `Selection`: its address holds the options of `signverse
select`. Start with server.py for what can be asked, and with static/main.js for the page.

- server.py: the routes; errors in one line. answers.py: what each answers. questions.py: what a request says.
- clips: clips chosen, counted, shown and picked. figures: what the page's other pages tell.
- session.py: the lake that is looked at.
- guard.py: who may ask: hosts, origins, tokens, what a browser may load.
- listen.py: the socket, the address, the browser.
- about.py: what the page has to know once.
- media.py: the videos of a folder, by id.
"""
