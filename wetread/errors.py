"""The exception tree, drawn once.

Every error that a user can meet is a ``WetreadError``. It carries the exit code of the command line and the
status of the web interface; its message says in one sentence what was wrong, where, and what to do.
Errors of other libraries are translated at the edge where they occur.

    WetreadError                 1  500   a bug, when raised as such
    ├── UsageError               2  400   the caller's words are wrong
    │   └── ExtraMissing         2  501   an optional part is not installed
    ├── InputError               3  422   input that cannot be read
    │   └── NotAChestFilm        3  422   it can be read and is no chest radiograph
    ├── BundleError              4  500   the model bundle is absent, damaged or of another version
    └── OutsideError             5  503   PACS, database, disk, network
"""

from __future__ import annotations

__all__ = [
    "BundleError",
    "ExtraMissing",
    "InputError",
    "NotAChestFilm",
    "OutsideError",
    "UsageError",
    "WetreadError",
]


class WetreadError(Exception):
    """Base of all errors with a message meant for the user."""

    exit_code = 1
    http_status = 500


class UsageError(WetreadError):
    """Wrong arguments, options or configuration."""

    exit_code = 2
    http_status = 400


class ExtraMissing(UsageError):
    """A verb whose optional dependencies are not installed.

    Args:
        what: the thing that was asked for, such as ``wetread train``.
        extra: name of the extra that brings it.
    """

    http_status = 501

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}': pip install 'wetread[{extra}]'")
        self.extra = extra


class InputError(WetreadError):
    """A file, report or manifest that cannot be read."""

    exit_code = 3
    http_status = 422


class NotAChestFilm(InputError):
    """A picture that was read and is not a chest radiograph."""


class BundleError(WetreadError):
    """The model bundle cannot be used."""

    exit_code = 4
    http_status = 500


class OutsideError(WetreadError):
    """Something outside the process failed: PACS, database, disk or network."""

    exit_code = 5
    http_status = 503
