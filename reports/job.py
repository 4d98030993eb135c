"""The page of a job in GitHub Actions: the summary of a run goes there, where a run is part of a job."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from .formats import made
from .reading import Record

JOB_SUMMARY: Final = "GITHUB_STEP_SUMMARY"
"""The variable that names the file of the job's page."""


def tell_job(record: Record) -> None:
    """Append the summary to the job's page, if there is one. That it cannot be written is told, and no more."""
    page = os.environ.get(JOB_SUMMARY)
    if not page:
        return
    try:
        with Path(page).open("ab") as file:
            file.write(made("markdown", record))
    except OSError as error:
        click.echo(f"msgcheck: ${JOB_SUMMARY} could not be written: {error.strerror}", err=True)
