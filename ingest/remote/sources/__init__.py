"""Where tars lie, and their bytes: any range of any file of a source, whatever kind of source it is.

Nothing here knows what a tar is. Start with address.py, which says what an address stands for, and protocols.py, which
says what all sources can do.

    protocols.py     what a source and a file of it are; their errors
    address.py       an address as a person types it: a hub data set, https://, s3://, a folder, a tar
    local.py         a folder or a tar of this machine
    hub.py           a data set of the hub: its commit, its listing, its errors
    web_folder.py    a folder of a web server, or one file
    index_page.py    the links of a page that lists a folder
    bucket.py        a folder of a bucket, by Arrow
    http_file.py     a file on a server: redirects, signed addresses that expire, what may not change
    http_client.py   one request; which header goes to whom
    http_limits.py   requests at a time, pauses that a server asks for, attempts
"""
