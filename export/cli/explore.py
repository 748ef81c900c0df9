"""The command explore.

Imported at every start of the command line: what is heavy is imported by the command itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signverse.lake.cli.shared import LakeOption, say, show


def explore(
    *,
    lake: LakeOption,
    media: Annotated[
        Path | None,
        typer.Option("--media", metavar="DIR", help="Folder of the videos and captions."),
    ] = None,
    picks: Annotated[
        Path,
        typer.Option("--picks", metavar="FILE.parquet", help="Selection file that takes the clips which you pick."),
    ] = Path("picks.parquet"),
    port: Annotated[int, typer.Option("--port", min=0, max=65535, metavar="N", help="Port; 0 is a free one.")] = 0,
    host: Annotated[
        str,
        typer.Option("--host", metavar="HOST", help="Address to listen on. Beyond this machine the page needs a key."),
    ] = "127.0.0.1",
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, and open no browser.")] = False,
) -> None:
    """Look at a lake in the browser: search, filter, play, pick.

    The page is served from this machine until Ctrl-C, and loads nothing from elsewhere. Its address holds the filters,
    so that a link shows the same. Picked clips are saved at once, in a file as `signverse select -o` writes it.

    \b
    signverse explore --lake LAKE
    signverse explore --lake LAKE --media DIR --picks good.parquet
    signverse explore --lake LAKE --port 8100 --no-browser
    """
    from signverse.export.explorer.clips.picks import check_picks
    from signverse.export.explorer.listen import address_of, guard_of, is_loopback, listen, serve
    from signverse.export.explorer.session import Explorer
    from signverse.lake.model.errors import MistypedError

    if picks.suffix.lower() != ".parquet":
        raise MistypedError(f"{picks} does not end in .parquet", "The picks are a .parquet file.")
    check_picks(picks)
    explorer = Explorer(lake, media, picks)
    with listen(host, port) as opened:
        number = opened.getsockname()[1]
        guard = guard_of(host, number)
        address = address_of(host, number, guard)
        if not is_loopback(host):
            say("the page can be reached from other machines: who has the address with its key sees the lake")
        # Two million clips take seconds, which a browser needs to start, too.
        explorer.load_soon()

        def ready() -> None:
            show(address)
            say("Ctrl-C ends it")
            if not no_browser and not _open(address):
                say("no browser could be opened: open the address yourself")

        serve(explorer, opened, guard, ready)


def _open(address: str) -> bool:
    import webbrowser

    try:
        return webbrowser.open(address)
    except (OSError, webbrowser.Error):
        return False
