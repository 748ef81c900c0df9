"""The prompt of `signverse sql`."""

from __future__ import annotations

import time

from signverse.lake.cli import prompt as prompts
from tests.lake.cli.terminal import Terminal


def typed(monkeypatch, *lines: object) -> list[str]:
    """What a person types at the prompt, then the end of input; returns the prompts they saw."""
    shown: list[str] = []
    rest = iter(lines)

    def read(text: str = "") -> str:
        shown.append(text)
        line = next(rest, EOFError)
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr("builtins.input", read)
    return shown


def test_the_prompt_answers_and_goes_on_after_an_error(ask, monkeypatch):
    shown = typed(
        monkeypatch,
        "select 41 + 1 as answer",
        "",
        "selec 1;",
        "copy (select 1) to 'x.csv';",
        "select -- a remark",
        "  7 *",
        "  6 as lines;",
        KeyboardInterrupt,
        ".tables",
        ".help",
        ".quit",
        "select 'not reached' as missed",
    )
    code, out, err = ask("sql", "--format", "csv")
    assert code == 0
    assert out.decode().splitlines()[:4] == ["answer", "42", "lines", "42"]
    assert "keypoints" in out.decode()
    assert "missed" not in out.decode()
    assert "... " in shown
    said = "\n".join(err)
    assert "does not parse" in said
    assert "COPY" in said


def test_a_dot_command_within_a_statement_is_obeyed(ask, monkeypatch):
    typed(monkeypatch, "select 40 +", ".help", ".tables", "2 as answer;", "select", ".quit", "1 as missed;")
    code, out, err = ask("sql", "--format", "csv")
    assert code == 0
    assert out.decode().splitlines()[-2:] == ["answer", "42"]
    assert "keypoints" in out.decode()
    assert "\n".join(err).count(".quit leaves") == 2


def test_the_prompt_ends_with_the_input(ask, monkeypatch):
    typed(monkeypatch, "select 1 as a;")
    code, out, _ = ask("sql", "--format", "csv")
    assert (code, out) == (0, b"a\n1\n")


def test_the_prompt_does_without_a_history_it_cannot_write(ask, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(prompts.platformdirs, "user_state_path", lambda *_, **__: tmp_path / "file" / "signverse")
    typed(monkeypatch, "select 1 as a;")
    assert ask("sql", "--format", "csv")[0] == 0


def test_schema_lists_the_columns_of_a_table_and_names_the_nearest(ask, monkeypatch):
    typed(
        monkeypatch, ".schema splits", ".schema VIDEOS;", ".schema", ".schema vidos", ".schema a b", ".tabels", ".quit"
    )
    code, out, err = ask("sql", "--format", "csv")
    lines = out.decode().splitlines()
    assert code == 0
    assert lines[:2] == ["column_name,data_type", "video_id,VARCHAR"]
    assert "num_frames,INTEGER" in lines
    said = "\n".join(err)
    assert "Nearest: videos." in said
    assert said.count(".schema takes a table") == 2
    assert "'.tabels' is not a command" in said


def test_tab_completes_columns_tables_and_commands(town, tmp_path):
    terminal = Terminal(town, tmp_path)
    try:
        terminal.until("signverse> ")
        time.sleep(0.5)
        terminal.type("select max(c.right_hand_c\t) from clip\t c limit 1;\n")
        assert "max(c.right_hand_confidence" in terminal.until("signverse> ")
        terminal.type(".sch\tsplits\n")
        assert "made_at" in terminal.until("signverse> ")
    finally:
        terminal.end()
