"""The command line: one module a verb, one boundary where errors become exit codes.

``VERBS`` names the module of each verb. A module is imported only when its verb is called, so that a verb
starts as fast as what it uses. Each has

    HELP: str                                        one line
    configure(parser: argparse.ArgumentParser)       adds the arguments
    run(args: argparse.Namespace) -> int             does it and returns the exit code
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from wetread._version import __version__
from wetread.errors import WetreadError

__all__ = ["VERBS", "main"]

VERBS = {
    "draft": "one study → the report",
    "batch": "many studies → JSON lines, resumable",
    "label": "report text → the 14 CheXpert labels",
    "score": "drafts against references, with signature and interval",
    "check": "a report → contradictions, omissions, critical results",
    "similar": "an index of your own reports, and what is like a study",
    "data": "prepare a collection: a manifest",
    "train": "run an experiment (extra: train)",
    "export": "make a bundle of a run (extra: train)",
    "serve": "the reading room (extra: room)",
    "user": "accounts of the reading room (extra: room)",
    "audit": "verify or export the audit trail (extra: room)",
    "doctor": "check the installation",
}


def _listing() -> str:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb:<{width}}  {text}" for verb, text in VERBS.items())
    return (
        "usage: wetread VERB [OPTIONS]\n\n"
        "Drafts the radiology report of a chest X-ray. Research use; not a medical device.\n\n"
        f"{verbs}\n\n"
        "'wetread VERB --help' describes a verb; 'wetread --version' prints the version."
    )


def _fail(message: str, code: int) -> int:
    print(f"wetread: {message}", file=sys.stderr)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code (0 done, 1 bug, 2 usage, 3 input, 4 bundle, 5 outside)."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_listing())
        return 0 if argv else 2
    if argv[0] == "--version":
        print(f"wetread {__version__}")
        return 0
    verb = argv[0]
    if verb not in VERBS:
        return _fail(f"'{verb}' is not a verb; 'wetread --help' lists them", 2)
    debug = "--debug" in argv
    try:
        module = importlib.import_module(f"wetread.cli.{verb}")
        parser = argparse.ArgumentParser(prog=f"wetread {verb}", description=module.HELP)
        module.configure(parser)
        parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
        args = parser.parse_args(argv[1:])
        return int(module.run(args) or 0)
    except WetreadError as error:
        if debug:
            raise
        return _fail(" ".join(str(error).split()), error.exit_code)
    except SystemExit as stop:  # argparse: 0 after --help, 2 after wrong usage
        return stop.code if isinstance(stop.code, int) else 2
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): point stdout elsewhere so that the flush at exit is quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        return _fail(f"a bug: {type(error).__name__}: {error}; run again with --debug and report it", 1)
