"""Acquisition: from a manifest of ids to videos and captions on disk, with an account of what could not be had."""
