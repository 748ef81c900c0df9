"""What would be read from one file, by what it is."""

from __future__ import annotations

from pathlib import Path

from signverse.ingest.captions.files_beside import CaptionFiles
from signverse.ingest.inspection.kinds import Kind, kind_of
from signverse.ingest.inspection.report import Report
from signverse.lake.model.errors import BadInputError, SignverseError


def inspect_file(path: Path, kind: Kind, beside: CaptionFiles) -> Report:
    """What would be read from a file that is not a shard; its problem where it cannot be.

    Args:
        beside: the caption files of folders, each of which it lists once.
    """
    # Imported where it is used: the libraries of one kind take longer than many a file.
    try:
        if kind is Kind.video:
            from signverse.ingest.inspection.video import inspect_video

            return inspect_video(path, beside)
        if kind is Kind.subtitles:
            from signverse.ingest.inspection.subtitles import inspect_subtitles

            return inspect_subtitles(path)
        if kind is Kind.captions:
            from signverse.ingest.inspection.captions import inspect_captions

            return inspect_captions(path)
        from signverse.ingest.inspection.manifest import inspect_manifest

        return inspect_manifest(path)
    except SignverseError as error:
        return Report(path, kind, problem=str(error))


def kind_or_problem(path: Path) -> Kind | Report:
    """What a file is, or the report that it cannot be read."""
    try:
        return kind_of(path)
    except BadInputError as error:
        return Report(path, None, problem=str(error))
