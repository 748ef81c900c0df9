"""Ctrl-C and SIGTERM end a command in silence also while its modules are imported."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["signverse.command_line", "typer", "signverse.lake.cli.query"])
def test_the_first_moments_can_be_stopped(module, number):
    program = f"""
import importlib.abc, os, runpy, sys

class Stop(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), {int(number)})

sys.meta_path.insert(0, Stop())
sys.argv = ["signverse", "--version"]
runpy.run_module("signverse", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", "")
