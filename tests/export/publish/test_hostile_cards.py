"""A lake whose every text is an attack has a card in which they are texts, as a renderer shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from signverse.export.publish.card import card_files
from signverse.lake.lake import Lake

EVIL = (
    "<script>alert(1)</script> [x](javascript:alert(1)) ![i](http://evil.example/x.png) https://evil.example/a "
    "`` ` ``` | --- | $$x$$ <!-- signverse:end people --> --> \u202etxt.exe\u2069 \x1b[2J\n---\n"
    "license: mit\n\n# Owned\n"
)
MORE = (
    "`",
    "``",
    "a\n\n## Title\n\n* x",
    "|a|b|",
    '"\\',
    "}} {% x %} \\(x\\)",
    "</code></pre><img src=x onerror=y>",
    "\ufeffx",
)


def rendered(readme: str) -> str:
    body = readme.split("\n---\n", 1)[1]
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(body))


@pytest.mark.parametrize("text", [EVIL, *MORE])
def test_texts_of_strangers_are_texts_in_the_card_of_a_lake(
    make_lake: Callable[..., Lake], video: type, person: Callable[..., object], text: str
) -> None:
    cues = [(0.0, 0.5, text), (0.5, 1.0, "two")]
    points = {(i, 0): person(i) for i in range(24)}
    lake = make_lake(video("one", 24, points, cues, title=text, channel=text, track=("manual", "en", text)))
    plain = make_lake(video("one", 24, points, [(0.0, 0.5, "a"), (0.5, 1.0, "two")], channel="b"), name="plain")
    files, expected = card_files(lake), card_files(plain)
    html, as_usual = rendered(files["README.md"].decode()), rendered(expected["README.md"].decode())
    # The same elements as of a lake of plain texts: nothing more is a heading, a link, an image, a cell or a script.
    assert re.findall(r"<(/?\w+)", html) == re.findall(r"<(/?\w+)", as_usual)
    assert re.findall(r'(?:href|src)="([^"]*)"', html) == re.findall(r'(?:href|src)="([^"]*)"', as_usual)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b\ufeff]", files["README.md"].decode())
    assert (
        yaml.safe_load(files["README.md"].decode().split("---\n")[1]).keys()
        == yaml.safe_load(expected["README.md"].decode().split("---\n")[1]).keys()
    )
    described = json.loads(files["croissant.json"])
    assert described.keys() == json.loads(expected["croissant.json"]).keys()


@pytest.mark.parametrize("condition", [EVIL.replace("\x1b", ""), "a\n```\n"])
def test_a_condition_is_shown_as_it_was_given_in_a_block_that_it_cannot_end(
    sample: Lake, tmp_path: Path, signverse: Callable[..., tuple[int, str, str]], condition: str
) -> None:
    out = tmp_path / "out"
    where = f"text <> '{condition.replace(chr(39), '')}'"
    assert signverse("export", "shards", "--lake", sample.folder, "--out", out, "--card", "--where", where)[0] == 0
    html = rendered((out / "README.md").read_text())
    blocks = re.findall(r'<pre><code class="language-text">(.*?)</code></pre>', html, re.DOTALL)
    assert len(blocks) == 1 and blocks[0].startswith("where = ")
    assert "<script" not in html and "<img src=x" not in html and html.count("<h1>") == 1
    assert signverse("verify", out)[0] == 0
