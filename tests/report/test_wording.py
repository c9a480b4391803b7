"""What a single sentence says beyond its labels."""

from __future__ import annotations

import pytest

from wetread.report.wording import (
    called_low,
    calls_normal,
    calls_vessels_normal,
    details,
    plainly,
    sites_with,
    tells_several,
    told_closely,
    without_large,
)


@pytest.mark.parametrize(
    ("told", "plain"),
    [
        ("There are trace bilateral pleural effusions.", "There is a trace pleural effusion."),
        ("Bilateral pleural effusions.", "Pleural effusion."),
        ("Edema and trace bilateral pleural effusions.", "Edema and trace pleural effusion."),
        ("Tiny bilateral pleural effusions are there.", "Tiny bilateral pleural effusions are there."),
        ("No bilateral pleural effusions.", "No pleural effusion."),
        ("There is a trace right pleural effusion.", "There is a trace right pleural effusion."),
    ],
)
def test_an_effusion_is_not_put_on_both_sides(told: str, plain: str) -> None:
    assert plainly(told) == plain


def test_what_must_be_well_seen_for_a_sentence_to_stand() -> None:
    assert told_closely("There is a small pleural effusion.") == {"Pleural Effusion"}
    assert told_closely("There is no pleural effusion.") == set()
    assert told_closely("There is a left pleural effusion.") is None  # a side
    assert told_closely("The tip of the line is in the heart.") is None
    assert told_closely("An opacity projects over the spine.") is None


def test_which_site_a_sentence_calls_normal() -> None:
    assert calls_normal("The lungs are clear.") == "lungs"
    assert calls_normal("The lungs are clear without effusion.") == "lungs"
    assert calls_normal("The heart is enlarged.") is None
    assert calls_normal("There is no pneumothorax.") is None


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The pulmonary vasculature is normal.", True),
        ("Normal vasculature of an enlarged heart.", False),
        ("Pulmonary edema with vasculature that is otherwise normal.", False),
    ],
)
def test_which_sentence_calls_the_vessels_normal(text: str, normal: bool) -> None:
    assert calls_vessels_normal(text) is normal


def test_what_a_sentence_tells_more_closely() -> None:
    assert details("Mildly enlarged heart, scattered bibasilar opacities.") == {"mild", "scattered", "basilar"}
    assert called_low("Basilar atelectasis.")
    assert not called_low("Atelectasis.")
    assert tells_several("Scattered nodules.")
    assert not tells_several("A nodule.")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("No pneumothorax or large effusion.", "No pneumothorax."),
        ("No large effusion or pneumothorax.", "No pneumothorax."),
        ("No nodule, fracture, or large pleural effusion.", "No nodule or fracture."),
        ("There is a large effusion.", "There is a large effusion."),
    ],
)
def test_no_large_effusion_is_denied_any_more(text: str, left: str) -> None:
    assert without_large(text) == left


def test_where_a_sentence_states_something() -> None:
    assert sites_with("Cardiomegaly with a small pleural effusion.") == {"heart", "pleura"}
    assert sites_with("No cardiomegaly.") == set()
