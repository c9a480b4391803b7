"""A room of an earlier release is brought to the tables of this one, and keeps what it holds."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from wetread.room import store as tables
from wetread.room.settings import Settings
from wetread.room.store import Store, StudyRow


def test_studies_of_the_first_release_have_nothing_decided(tmp_path: Path) -> None:
    store = Store(Settings(data=tmp_path))
    config = Config()
    config.set_main_option("script_location", str(Path(tables.__file__).parent / "migrations"))
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        columns = {row[1]: row[2] for row in connection.execute(text("PRAGMA table_info(study)"))}
        assert "decided" not in columns
        number = ("FLOAT", "DOUBLE", "INTEGER")
        values = {name: "0" if kind.upper() in number else "'{}'" for name, kind in columns.items()}
        connection.execute(text(f"INSERT INTO study ({', '.join(values)}) VALUES ({', '.join(values.values())})"))
    store.migrate()
    store.migrate()
    with store.read() as session:
        assert session.query(StudyRow).one().decided == {}
    store.close()
