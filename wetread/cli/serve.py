"""``wetread serve``: the reading room."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wetread.errors import ExtraMissing, InputError, UsageError

if TYPE_CHECKING:
    from wetread.room.settings import Oidc, Settings
    from wetread.room.store import Store
    from wetread.room.worker import Drafting
    from wetread.types import Draft, Study

__all__ = ["HELP", "configure", "run"]

HELP = "The reading room: films in, drafts beside them, read, corrected and signed. Research use; not a medical device."
_DEMO_FILM = "RG1_UNCR.dcm"


def default_data(name: str) -> Path:
    """Where films and records lie unless told otherwise (XDG base directories)."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "wetread" / name


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``wetread serve``."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="films and, by default, the records")
    parser.add_argument("--database", metavar="URL", help="records in PostgreSQL: postgresql://USER@HOST/NAME")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine alone)")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument(
        "--demo", action="store_true", help="a demonstration study, drafted, and accounts to try it with"
    )
    parser.add_argument(
        "--model", type=Path, metavar="BUNDLE", help="the model bundle (default: the one that came along)"
    )
    parser.add_argument("--index", type=Path, metavar="DIR", help="similar cases from this index")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="draft processes (default: 1)")
    parser.add_argument("--servers", type=int, default=1, metavar="N", help="web processes (default: 1)")
    parser.add_argument("--watch", type=Path, metavar="DIR", help="take in the films that are put into this folder")
    parser.add_argument("--retention-days", type=int, metavar="N", help="erase signed studies after so many days")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate (PEM) for https")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key (PEM)")
    parser.add_argument("--insecure-http", action="store_true", help="serve other machines without TLS, all the same")
    parser.add_argument("--oidc-issuer", metavar="URL", help="single sign-on (OpenID Connect); the secret is read from"
                        " the environment variable WETREAD_OIDC_SECRET")  # fmt: skip
    parser.add_argument("--oidc-client", metavar="ID", help="our client id at the single sign-on")


def _check(args: argparse.Namespace) -> None:
    from wetread.room.serving import is_loopback

    if not 0 < args.port < 65_536:
        raise UsageError(f"--port {args.port} is no port; choose one from 1 to 65535.")
    if args.workers < 1 or args.servers < 1:
        raise UsageError("--workers and --servers are at least 1.")
    if args.retention_days is not None and args.retention_days < 1:
        raise UsageError("--retention-days is at least 1.")
    if (args.tls_cert is None) != (args.tls_key is None):
        raise UsageError("--tls-cert and --tls-key go together.")
    for file in (args.tls_cert, args.tls_key):
        if file is not None and not file.is_file():
            raise UsageError(f"{file} is no file; name the PEM file.")
    if not is_loopback(args.host) and args.tls_cert is None and not args.insecure_http:
        raise UsageError(
            f"--host {args.host} can be reached by others: give --tls-cert and --tls-key, "
            "or say --insecure-http if a proxy in front does TLS."
        )
    if args.watch is not None and not args.watch.is_dir():
        raise UsageError(f"--watch {args.watch} is no folder; make it first.")


def _oidc(args: argparse.Namespace) -> Oidc | None:
    from wetread.room.settings import Oidc

    if args.oidc_issuer is None:
        return None
    secret = os.environ.get("WETREAD_OIDC_SECRET", "")
    if not args.oidc_client or not secret:
        raise UsageError("--oidc-issuer needs --oidc-client and the environment variable WETREAD_OIDC_SECRET.")
    return Oidc(args.oidc_issuer, args.oidc_client, secret)


def load_drafter(model: Path | None = None, index: Path | None = None) -> Drafting:
    """The pipeline, loaded inside a draft process; it follows an index that others write to."""
    from wetread.draft import Drafter

    drafter = Drafter.load(model)
    if index is None:
        return drafter.draft

    from wetread.room.cases import Cases

    cases = Cases(index, drafter.bundle.info)

    def draft(study: Study) -> Draft:
        drafter.index = cases.index()
        return drafter.draft(study)

    return draft


def _demo_film() -> Path:
    from pydicom.data import get_testdata_file

    try:
        found = get_testdata_file(_DEMO_FILM, download=False)
    except (OSError, ValueError):
        found = None
    if not found:
        raise InputError("--demo shows a film of the package pydicom-data, which is absent: pip install pydicom-data")
    return Path(str(found))


def _set_up_demo(settings: Settings, store: Store, model: Path | None) -> None:
    from wetread.room import demo, worker
    from wetread.room.files import BlobStore
    from wetread.room.studies import Request, receive_files

    demo.add_accounts(store)
    film = _demo_film()
    with film.open("rb") as stream:
        request = Request(indication="Shortness of breath.")
        received, _ = receive_files(
            store, BlobStore(settings.films), [(film.name, stream)], request, source="demo", sender="demonstration"
        )
    if any(not study.duplicate for study in received):
        worker.drain(store, load_drafter(model))


def _announcement(args: argparse.Namespace, settings: Settings) -> Callable[[Store], None]:
    scheme = "http" if args.tls_cert is None else "https"
    host = f"[{args.host}]" if ":" in args.host else args.host
    address = f"{scheme}://{host}:{args.port}/"

    def announce(store: Store) -> None:
        from wetread.room import demo
        from wetread.room.auth import first_link

        print("wetread reading room. Research use; not a medical device.", flush=True)
        if args.demo:
            _set_up_demo(settings, store, args.model)
            for username, name, roles in demo.ACCOUNTS:
                print(f"  user {username:<9} password {demo.PASSWORD}   {name} ({', '.join(roles)})")
        token = first_link(store)
        if token is not None:
            print(
                f"Set the administrator's password with this link (once, within 72 hours):\n  {address}#/setup/{token}"
            )
        print(f"Data in {settings.data}\nOpen {address}  (stop with Ctrl-C)", flush=True)

    return announce


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    try:
        from wetread.room.cases import Cases
        from wetread.room.serving import Serving, serve
        from wetread.room.settings import Settings
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("wetread"):
            raise
        raise ExtraMissing("wetread serve", "room") from error
    _check(args)
    if args.demo:
        _demo_film()
    if args.index is not None:
        Cases(args.index)  # an index that cannot be used is told now, not by every process
    settings = Settings(
        data=(args.data or default_data("demo" if args.demo else "room")).absolute(),
        database=args.database,
        secure=args.tls_cert is not None,
        demo=args.demo,
        retention_days=args.retention_days,
        oidc=_oidc(args),
    )
    serving = Serving(
        args.host,
        args.port,
        partial(load_drafter, args.model, args.index),
        None if args.index is None else args.index.absolute(),
        workers=args.workers,
        servers=args.servers,
        watch=None if args.watch is None else args.watch.absolute(),
        certificate=args.tls_cert,
        key=args.tls_key,
    )
    serve(settings, serving, _announcement(args, settings))
    return 0
