"""The typed client against a real process."""

from __future__ import annotations

from pathlib import Path

import fakes
import httpx
import numpy as np
import pytest
from processes import PASSWORD, Process, free_port

from wetread.errors import OutsideError
from wetread.room.client import Client
from wetread.room.problems import Problem


def test_a_reading_by_script(tmp_path: Path, room: Process) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(fakes.dicom(1))
    with Client(room.url, username="reader", password=PASSWORD) as client:
        sent = client.upload([film], indication="Cough.", priority="urgent")
        study_id = sent.accepted[0].study_id
        assert client.wait(study_id).status == "unread"
        study = client.study(study_id)
        assert (study.priority, study.indication) == ("urgent", "Cough.")
        expected = np.rint(fakes.chest(1) * 4095).astype(np.uint16)
        np.testing.assert_array_equal(client.pixels(study.films[0]), expected)
        report = client.save(study_id, study.report.version, "No pneumothorax.", "Normal.", seconds=3)
        with pytest.raises(Problem) as refused:
            client.save(study_id, study.report.version, "Late.", "")
        assert (refused.value.code, refused.value.extra["yours"]["findings"]) == ("conflict", "Late.")
        assert client.sign(study_id, "final", report.version, PASSWORD).signatures[0].meaning == "author"
        assert client.statistics().cases == 1
        assert client.worklist(status="final").total == 1
        client.log_out()
        with pytest.raises(Problem, match="log in"):
            client.worklist()


def test_an_absent_room_is_told() -> None:
    with pytest.raises(OutsideError, match="cannot be reached"):
        Client(f"http://127.0.0.1:{free_port()}", username="x", password="y")
    elsewhere = httpx.MockTransport(lambda _: httpx.Response(404, text="nginx"))
    with pytest.raises(OutsideError, match="no reading room"):
        Client("http://x", username="x", password="y", transport=elsewhere)
