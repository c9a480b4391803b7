"""Run the reading room with a fake drafter and demonstration accounts: for the page's tests and for trying it by hand.

python tests/room/fake_room.py --port 8090 --data DIR [--films 4] [--database URL] [--servers N] [--workers N]
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import fakes

from wetread.room.auth import add_user
from wetread.room.demo import PASSWORD, add_accounts
from wetread.room.files import BlobStore
from wetread.room.serving import Serving, serve
from wetread.room.settings import Settings
from wetread.room.store import Store, User
from wetread.room.studies import Request, receive_files


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--database")
    parser.add_argument("--films", type=int, default=4, help="studies put in at the start")
    parser.add_argument("--servers", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--watch", type=Path)
    parser.add_argument("--readers", type=int, default=0, help="more accounts: reader1, reader2, …")
    parser.add_argument("--real", action="store_true", help="draft with the model")
    args = parser.parse_args()
    settings = Settings(
        data=args.data,
        database=args.database,
        demo=True,
        lease=fakes.LEASE,
        attempts=20,  # it is the tests that kill the workers, not the films
        request_rate=1000,
        login_rate=100_000,
    )

    def announce(store: Store) -> None:
        add_accounts(store)
        with store.read() as session:
            known = {name for (name,) in session.query(User.username)}
        for number in range(1, args.readers + 1):
            if (name := f"reader{number}") not in known:
                add_user(store, name, f"Dr Reader {number}", ["reader"], password=PASSWORD)
        blobs = BlobStore(settings.films)
        for seed in range(args.films):
            files = [(f"film{seed}.dcm", io.BytesIO(fakes.dicom(seed)))]
            receive_files(store, blobs, files, Request(indication="Cough."), source="demo", sender="demo")
        print(f"http://127.0.0.1:{args.port}/", flush=True)

    serving = Serving(
        "127.0.0.1",
        args.port,
        fakes.real_drafter if args.real else fakes.fake_drafter,
        workers=args.workers,
        servers=args.servers,
        watch=args.watch,
    )
    serve(settings, serving, announce)


if __name__ == "__main__":
    main()
