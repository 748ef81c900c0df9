"""pandas is not imported by the command line and its workers, also where it is installed."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


class _WithoutPandas(MetaPathFinder):
    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("signverse leaves pandas out", name=fullname)


def leave_pandas_out() -> None:
    """Makes `import pandas` fail in this process, once.

    pyarrow imports it with the first array that it makes, where it is installed: a second of each command. No command
    needs it. In a program of a user's, which may, nothing is left out.
    """
    if not any(isinstance(finder, _WithoutPandas) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WithoutPandas())
