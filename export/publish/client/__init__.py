"""The hub's client: requests that are tried again, what their errors mean, and a token that nobody sees.

May import export.publish.content and lake. Start with hub.py.

- hub.py: a data set: its files, commits, tags and large objects.
- answers.py: whether to ask again, and the lines that the hub's errors become.
- credentials.py: the token, and errors without it.
- session.py: connections that are not waited for without end.
- upload.py: files as they are sent: counted, hashed on the way, ended by Ctrl-C.
"""
