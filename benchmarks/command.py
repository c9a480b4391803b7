"""How benchmarks are started: what is wrong is said in one sentence, with the exit code that ``wetread`` would give."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from wetread.errors import InputError, WetreadError


def command(main: Callable[[], int | None]) -> None:
    """Run a benchmark's ``main`` and leave the program."""
    try:
        code = main()
    except FileNotFoundError as error:
        _fail(InputError(f"{error.filename or error} is not there; name another, or run the step that writes it"))
    except WetreadError as error:
        _fail(error)
    raise SystemExit(code or 0)


def _fail(error: WetreadError) -> None:
    print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
    raise SystemExit(error.exit_code)
