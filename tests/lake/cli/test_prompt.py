"""The prompt of `signverse sql`."""

from __future__ import annotations

from signverse.lake.cli import prompt as prompts


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
    assert len(err) == 2
    assert ".quit leaves" in err[1]


def test_the_prompt_ends_with_the_input(ask, monkeypatch):
    typed(monkeypatch, "select 1 as a;")
    code, out, _ = ask("sql", "--format", "csv")
    assert (code, out) == (0, b"a\n1\n")


def test_the_prompt_does_without_a_history_it_cannot_write(ask, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(prompts.platformdirs, "user_state_path", lambda *_, **__: tmp_path / "file" / "signverse")
    typed(monkeypatch, "select 1 as a;")
    assert ask("sql", "--format", "csv")[0] == 0
