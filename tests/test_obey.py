from __future__ import annotations

from dataclasses import replace

import pytest

from wetread.decode import Written
from wetread.obey import obey, put_low, put_several, put_sides, put_silent_sites
from wetread.report.labeler import asserted, label_spans
from wetread.report.stock import plain, sentence
from wetread.report.wording import stated, tells_change, told_closely
from wetread.types import LABELS, Finding, Side


def findings(*positive: str) -> dict[str, Finding]:
    return {
        n: Finding(0.9, 0.3, 0.5, "positive") if n in positive else Finding(0.1, 0.3, 0.5, "negative") for n in LABELS
    }


def written(*texts: str) -> list[Written]:
    return [Written(t, -0.1) for t in texts]


def test_what_obeys_is_left_alone() -> None:
    body = written("The heart is enlarged.", "There is no pleural effusion.")
    result = obey(body, written("Cardiomegaly."), findings("Cardiomegaly"))
    assert [w.text for w in result.findings] == [w.text for w in body]
    assert result.notes == ()


def test_a_finding_below_its_threshold_is_not_asserted() -> None:
    result = obey(written("The heart is enlarged.", "There is no pneumothorax."), written("Cardiomegaly."), findings())
    assert [w.text for w in result.findings] == ["There is no pneumothorax."]
    assert stated(" ".join(w.text for w in result.impression)) == set()
    assert len(result.notes) == 2


def test_a_finding_above_its_threshold_is_said() -> None:
    result = obey(written("The heart is normal in size."), written("No acute disease."), findings("Pleural Effusion"))
    assert "Pleural Effusion" in stated(" ".join(w.text for w in result.findings))


def test_a_report_is_never_empty() -> None:
    for wanted in ((), ("Fracture",)):
        result = obey([], [], findings(*wanted))
        assert result.findings
        assert result.impression
        assert stated(" ".join(w.text for w in result.findings)) == set(wanted)


def test_a_normal_site_is_not_beside_its_finding() -> None:
    body = written("The lungs are clear.", "Heart size is normal.")
    result = obey(body, written("No acute disease."), findings("Lung Opacity"))
    texts = [w.text for w in result.findings]
    assert "The lungs are clear." not in texts
    assert "The lungs are otherwise clear." in texts
    assert "Heart size is normal." in texts


def test_an_impression_does_not_pass_over_an_acute_finding() -> None:
    result = obey(written("There is a pneumothorax."), written("No acute disease."), findings("Pneumothorax"))
    assert [w.text for w in result.impression] == ["Pneumothorax."]
    kept = obey(written("A device is seen."), written("No acute disease."), findings("Support Devices"))
    assert [w.text for w in kept.impression] == ["No acute disease."]


def test_a_large_heart_stands_before_that_nothing_is_acute() -> None:
    result = obey(written("The heart is enlarged."), written("No acute disease."), findings("Cardiomegaly"))
    assert [w.text for w in result.impression] == ["Cardiomegaly.", "No acute disease."]


def test_a_weak_finding_is_said_without_details() -> None:
    weak = {**findings("Lung Lesion"), "Lung Lesion": Finding(0.07, 0.04, 0.06, "positive")}
    body = written("There is a 12 mm nodule in the upper lobe.", "There is no pneumothorax.")
    texts = [w.text for w in obey(body, written("Nodule."), weak).findings]
    assert texts == ["There is no pneumothorax.", "Pulmonary nodule."], "what is hardly seen stands last"
    kept = [w.text for w in obey(body, written("Nodule."), findings("Lung Lesion")).findings]
    assert kept == [w.text for w in body]


def test_a_device_is_named_only_where_it_is_likely() -> None:
    words = written("The pacemaker leads end in the right ventricle.")
    sure = findings("Support Devices")
    result = obey(words, (), sure)
    assert [w.text for w in result.findings] == [w.text for w in words]
    doubtful = {**sure, "Support Devices": Finding(0.3, 0.1, 0.2, "positive")}
    result = obey(words, (), doubtful)
    assert [w.text for w in result.findings] == [sentence("Support Devices", "positive")]


def test_what_is_asserted_is_not_denied_in_another_sentence() -> None:
    words = written("There is a pulmonary opacity.", "No focal airspace opacity or pneumothorax.")
    result = obey(words, written("Pulmonary opacity."), findings("Lung Opacity"))
    assert [w.text for w in result.findings] == [words[0].text, sentence("Pneumothorax", "negative")]
    assert any("denied Lung Opacity (positive)" in note for note in result.notes)
    explained = written("There is basilar atelectasis.", "There is a pulmonary opacity.", "No focal airspace opacity.")
    result = obey(explained, written("Atelectasis."), findings("Lung Opacity", "Atelectasis"))
    assert [w.text for w in result.findings] == [w.text for w in explained]


def test_words_that_do_not_say_a_finding_beside_the_rest_are_exchanged() -> None:
    words = written(
        "Pulmonary opacities.", "No pleural effusion or pneumothorax is seen.", "There is a pulmonary nodule."
    )
    assert "Lung Opacity" in stated(words[0].text) - stated(" ".join(w.text for w in words))
    result = obey(words, written("Opacities. Nodule."), findings("Lung Opacity", "Lung Lesion"))
    assert [w.text for w in result.findings] == [sentence("Lung Opacity", "positive"), *(w.text for w in words[1:])]


def test_what_may_be_taken_for_a_finding_does_not_stand_beside_its_plain_words() -> None:
    perhaps = "No displaced rib fractures."  # CheXbert's habit takes it for one
    assert "Fracture" in asserted(perhaps)[1] - asserted(perhaps)[0]
    result = obey(written("The lungs are clear.", perhaps), written("Fracture."), findings("Fracture"))
    assert [w.text for w in result.findings] == [sentence("Fracture", "positive"), "The lungs are clear."]


def test_no_large_effusion_does_not_deny_a_small_one() -> None:
    words = written("There is a small pleural effusion.", "There is no large pleural effusion.")
    result = obey(words, written("Pleural effusion."), findings("Pleural Effusion"))
    assert [w.text for w in result.findings] == [w.text for w in words]


def test_what_is_uncertain_is_left_unsaid() -> None:
    labels = {**findings(), "Pleural Effusion": Finding(0.2, 0.15, 0.3, "uncertain")}
    words = written("The lungs are clear.", "No pneumothorax or pleural effusion.")
    result = obey(words, written("No acute disease."), labels)
    assert [w.text for w in result.findings] == [words[0].text, sentence("Pneumothorax", "negative")]
    assert any("Pleural Effusion (uncertain)" in note for note in result.notes)


def test_another_abnormality_in_a_dropped_sentence_is_no_denial() -> None:
    words = written("Calcified granuloma without pleural effusion.")
    result = obey(words, written("Effusion."), findings("Pleural Effusion"))
    assert [w.text for w in result.findings] == [sentence("Pleural Effusion", "positive")]


def test_a_worn_spine_is_said_on_evidence_alone() -> None:
    words = written(
        "The heart is normal in size.",
        "There are degenerative changes of the spine.",
        "There is no pneumothorax.",
        "Degenerative changes and an old rib fracture.",
    )
    seen = obey(words, written("Spondylosis."), findings("Fracture"), spine=True)
    assert [w.text for w in seen.findings] == [w.text for w in words]
    unseen = obey(words, written("Spondylosis."), findings("Fracture"), spine=False)
    assert [w.text for w in unseen.findings] == [w.text for w in words if "There are" not in w.text]
    assert "Spondylosis." not in [w.text for w in unseen.impression]
    assert any("little evidence" in note for note in unseen.notes)


def test_a_skeleton_is_called_arthritic_on_evidence_alone() -> None:
    words = written("The lungs are clear.", "There is arthritic change of the skeleton.")
    for spine in (True, False):
        result = obey(words, written("No acute disease."), findings(), spine=spine)
        assert ("There is arthritic change of the skeleton." in [w.text for w in result.findings]) is spine


def test_changed_endplates_are_a_worn_spine_and_no_device() -> None:
    device = sentence("Support Devices", "positive") or ""
    words = written("There are endplate changes in the spine.", device)
    result = obey(words, written("Devices."), findings("Support Devices"), spine=False)
    assert [w.text for w in result.findings] == [device]


def test_a_denial_and_another_joint_are_no_worn_spine() -> None:
    words = written("No degenerative changes of the spine.", "Degenerative changes of the shoulders.", "Osteophytes.")
    result = obey(words, written("No acute disease."), findings(), spine=False)
    assert [w.text for w in result.findings] == [w.text for w in words[:2]]


def test_a_finding_on_one_side_is_said_without_it() -> None:
    words = written("There are scars, or perhaps atelectasis, in the left midlung.", "There is no left pneumothorax.")
    result = obey(words, written("Right basilar opacity."), findings("Lung Opacity"))
    texts = [w.text for w in (*result.findings, *result.impression)]
    assert texts == ["Pulmonary opacity.", "There is no left pneumothorax.", "Pulmonary opacity."]
    device = obey(written("There is a left-sided pacemaker."), (), findings("Support Devices"))
    assert device.findings[0].text == "There is a left-sided pacemaker."


def _lower(chance: float) -> dict[str, float]:
    return dict.fromkeys(LABELS, chance)


@pytest.mark.parametrize(
    ("plain", "placed"),
    [
        ("There is a pulmonary opacity.", "There is a basilar opacity."),
        ("There is an opacity.", "There is a basilar opacity."),
        ("Opacities compatible with atelectasis.", "Basilar opacities compatible with atelectasis."),
        ("Interstitial opacities.", "Basilar interstitial opacities."),
        ("Slight atelectasis.", "Slight basilar atelectasis."),
        ("There is patchy air space disease.", "There is patchy basilar air space disease."),
        ("There is atelectasis in the left upper lobe.", None),
        ("There is no airspace disease here.", None),
        (
            "There is an opacity and a small pleural effusion.",
            "There is a basilar opacity and a small pleural effusion.",
        ),
        ("Cardiomegaly with pulmonary opacities.", "Cardiomegaly with basilar opacities."),
        ("The heart is enlarged.", None),
    ],
)
def test_what_lies_low_is_called_basilar(plain: str, placed: str | None) -> None:
    labels = findings("Lung Opacity", "Atelectasis", "Pleural Effusion", "Cardiomegaly")
    (low,) = put_low(written(plain), labels, _lower(0.9))
    assert low.text == (placed or plain)
    assert stated(low.text) == stated(plain)
    for unknown in ({}, _lower(0.34)):
        assert put_low(written(plain), labels, unknown)[0].text == plain


def test_an_impression_places_what_findings_place() -> None:
    labels, lower = findings("Lung Opacity", "Atelectasis"), {"Lung Opacity": 0.1, "Atelectasis": 0.9}
    for told, placed in (("Mild atelectasis.", "Basilar atelectasis."), ("Opacities or atelectasis.", "Atelectasis.")):
        body = put_low(written(told), labels, lower)
        assert put_low(written("Atelectasis."), labels, lower, body)[0].text == placed


def test_a_plain_impression_names_no_opacity_that_is_explained_as_surely() -> None:
    both = findings("Lung Opacity", "Atelectasis")
    words = written("Opacities compatible with atelectasis.")
    result = obey(words, written("Patchy opacities, likely atelectasis."), both)
    assert [w.text for w in result.impression] == [sentence("Atelectasis", "named")]
    hardly = {**both, "Atelectasis": Finding(0.2, 0.1, 0.15, "positive")}
    result = obey(words, written("Patchy opacities, likely atelectasis."), hardly)
    assert [w.text for w in result.impression] == [words[0].text], "as FINDINGS say it"
    apart = obey(written("There is an opacity.", "There is atelectasis."), written("Lung disease."), hardly)
    assert [w.text for w in apart.impression] == [sentence("Lung Opacity", "with atelectasis")]


def test_opacity_and_atelectasis_stand_in_one_sentence_and_are_placed_together() -> None:
    labels = findings("Lung Opacity", "Atelectasis")
    one = written(sentence("Lung Opacity", "with atelectasis") or "")
    body = written("Basilar opacity.", "Basilar atelectasis.")
    both, heart = {"Lung Opacity": 0.9, "Atelectasis": 0.9}, {"Lung Opacity": 0.9, "Atelectasis": 0.1}
    assert put_low(one, labels, both, body)[0].text == "Basilar opacity and atelectasis."
    assert put_low(one, labels, heart, body)[0].text == one[0].text, "one of them lies elsewhere"


def test_lungs_with_a_nodule_are_otherwise_clear_and_nothing_else_is_lost() -> None:
    words = written(
        "The lungs are clear without a sign of airspace disease.", "The lungs are clear of pleural effusion."
    )
    result = obey(words, written(), findings("Lung Lesion"))
    texts = [w.text for w in result.findings]
    assert sentence("Lung Opacity", "rest") in texts
    assert not any("are clear" in text for text in texts)
    assert "Pleural Effusion" in {m.label for text in texts for m in label_spans(text) if m.state == "negative"}
    calm = obey(words[:1], written(), findings())
    assert [w.text for w in calm.findings] == [words[0].text]


@pytest.mark.parametrize(
    ("told", "plain"),
    [
        ("There is no acute bony findings.", "There are no acute bony findings."),
        ("There are no focal airspace consolidation.", "There is no focal airspace consolidation."),
        ("There is no focal consolidation or effusions.", "There is no focal consolidation or effusions."),
        ("There are no focal areas of consolidation.", "There are no focal areas of consolidation."),
        ("There are no fractures.", "There are no fractures."),
    ],
)
def test_there_is_and_there_are_agree(told: str, plain: str) -> None:
    assert [w.text for w in obey(written(told), written(), findings()).findings] == [plain]


def test_an_impression_repeats_opacities_of_atelectasis() -> None:
    labels = findings("Lung Opacity", "Atelectasis") | {"Atelectasis": Finding(0.2, 0.1, 0.15, "positive")}
    told = "Opacities compatible with atelectasis."
    assert [w.text for w in obey(written(told), written("Lung disease."), labels).impression] == [told]


def test_an_opacity_does_not_lie_in_the_bones() -> None:
    labels = findings("Lung Opacity", "Fracture")
    result = obey(written("Pulmonary opacity seen in the spine.", "There is an old rib fracture."), written(), labels)
    texts = [w.text for w in result.findings]
    assert texts == [sentence("Lung Opacity", "positive"), "There is an old rib fracture."]


def test_an_impression_names_hyperexpanded_lungs() -> None:
    clear = findings()
    result = obey(written("The lungs are clear."), written("No acute disease."), clear, told={"hyperexpansion"})
    assert [w.text for w in result.impression] == [sentence("hyperexpansion", "named"), "No acute disease."]
    again = obey(written("The lungs are clear."), written("Hyperexpanded lungs."), clear, told={"hyperexpansion"})
    assert [w.text for w in again.impression] == ["Hyperexpanded lungs."]
    wires = obey(written("The lungs are clear."), written("No acute disease."), clear, told={"sternal wires"})
    assert [w.text for w in wires.impression] == ["No acute disease."], "wires are no result"


def test_what_is_hardly_seen_is_not_placed() -> None:
    labels = findings("Atelectasis") | {"Atelectasis": Finding(0.12, 0.05, 0.1, "positive")}
    assert put_low(written("There is atelectasis."), labels, _lower(0.9))[0].text == "There is atelectasis."


def test_a_hernia_is_not_named() -> None:
    words = written("The lungs are clear.", "No hernia of the hiatus.", "There is a hiatal hernia of the sliding kind.")
    assert [w.text for w in obey(words, written(), findings()).findings] == [
        "The lungs are clear.",
        "No hernia of the hiatus.",
    ]


def test_emphysema_is_not_named() -> None:
    words = written("There is a pulmonary opacity.", "No emphysema.", "There is emphysema.")
    result = obey(words, written("Emphysema with scars, nothing acute."), findings("Lung Opacity"))
    assert [w.text for w in result.findings] == ["There is a pulmonary opacity.", "The lungs are otherwise clear."]
    assert [w.text for w in result.impression] == ["Pulmonary opacity."]


def test_an_enlarged_heart_is_not_called_borderline() -> None:
    words = written("Today the heart size is upper limits of normal.", "There is no pneumothorax.")
    result = obey(words, written("Cardiomegaly."), findings("Cardiomegaly"))
    assert [w.text for w in result.findings] == ["The heart is enlarged.", "There is no pneumothorax."]
    assert [w.text for w in result.impression] == ["Cardiomegaly."]


def test_opacities_are_of_no_kind() -> None:
    labels = findings("Lung Opacity", "Cardiomegaly")
    body = written("Diffuse interstitial opacities, and the heart is enlarged.")
    result = obey(body, written("Reticular opacities with cardiomegaly."), labels)
    assert [w.text for w in result.findings] == ["Pulmonary opacities, and the heart is enlarged."]
    assert [w.text for w in result.impression] == ["Pulmonary opacities with cardiomegaly."]
    one = written("There is an interstitial opacity.")
    assert obey(one, written("Opacity."), findings("Lung Opacity")).findings[0].text == "There is a pulmonary opacity."
    denied = written("No interstitial infiltrate.")
    assert obey(denied, written("No acute disease."), findings()).findings == tuple(denied)
    edema = written("There is interstitial edema.")
    assert obey(edema, written("Edema."), findings("Edema")).findings == tuple(edema)


def test_a_lung_disease_of_which_nothing_tells_is_not_named() -> None:
    result = obey(
        written("Pulmonary opacities."), written("A chronic lung disease with scars."), findings("Lung Opacity")
    )
    assert [w.text for w in result.impression] == [sentence("Lung Opacity", "named")]
    plain = written("No acute lung disease.")
    assert obey(written("The lungs are clear."), plain, findings()).impression == tuple(plain)


def test_what_is_below_its_threshold_is_not_held_possible_either() -> None:
    body = written("The heart is enlarged.")
    result = obey(body, written("Cardiomegaly.", "This may be due to edema."), findings("Cardiomegaly"))
    assert [w.text for w in result.impression] == ["Cardiomegaly."]
    assert any("held Edema possible" in note for note in result.notes)
    uncertain = findings("Cardiomegaly") | {"Edema": Finding(0.4, 0.3, 0.5, "uncertain")}
    assert len(obey(body, written("Cardiomegaly.", "This may be due to edema."), uncertain).impression) == 2


def test_an_impression_that_names_findings_names_all_that_are_said() -> None:
    labels = findings("Cardiomegaly", "Pleural Effusion", "Atelectasis", "Lung Opacity", "Support Devices", "Fracture")
    labels |= {"Fracture": Finding(0.1, 0.05, 0.08, "positive")}
    body = written("The heart is enlarged.", "Pleural effusions with atelectasis.", "A line, tube or implanted device.")
    said = [w.text for w in obey(body, written("Pleural effusions with atelectasis."), labels).impression]
    # The opacity is the atelectasis, and a device is no conclusion.
    assert said == ["Pleural effusions with atelectasis.", "Cardiomegaly.", "Rib fracture."]
    # One that names none, where none is acute and the heart is not large, stays as it is.
    calm = written("No acute disease.")
    wide = findings("Enlarged Cardiomediastinum")
    assert obey(written("The mediastinum is widened."), calm, wide).impression == tuple(calm)


def test_an_impression_says_nothing_more_closely_than_findings() -> None:
    effusion = findings("Pleural Effusion", "Cardiomegaly")
    words = written("There is a pleural effusion.", "The heart is mildly enlarged.")
    result = obey(words, written("Small bilateral pleural effusions.", "Mild cardiomegaly."), effusion)
    assert [w.text for w in result.impression] == [sentence("Pleural Effusion", "named"), "Mild cardiomegaly."]
    words = written("There are small bilateral pleural effusions.", "The heart is mildly enlarged.")
    result = obey(words, written("Small bilateral pleural effusions.", "Mild cardiomegaly."), effusion)
    assert [w.text for w in result.impression] == ["Small pleural effusion.", "Mild cardiomegaly."]


def test_findings_are_not_stated_again_by_a_sentence_that_states_nothing_else() -> None:
    words = written("Opacities compatible with atelectasis.", "The heart is enlarged.", "Mild atelectasis.")
    result = obey(words, written("Atelectasis."), findings("Lung Opacity", "Atelectasis", "Cardiomegaly"))
    assert [w.text for w in result.findings] == [w.text for w in words[:2]]


def test_what_is_denied_already_is_not_denied_again() -> None:
    words = written(
        "The heart is normal in size.", "No focal consolidation.", "The cardiomediastinal outline is normal."
    )
    again = written("There is no focal consolidation.", "The heart size is normal.")
    result = obey([*words, *again], written("No acute disease."), findings())
    assert [w.text for w in result.findings] == [w.text for w in words]


def test_an_airspace_disease_is_denied_once_by_whatever_name() -> None:
    words = written("There is no focal consolidation.", "No pneumothorax.", "No focal airspace disease.")
    result = obey(words, written("No acute disease."), findings())
    assert [w.text for w in result.findings] == ["There is no focal consolidation.", "No pneumothorax."]
    more = written("No focal airspace disease.", "Neither consolidation nor pneumothorax.")
    assert len(obey(more, written("No acute disease."), findings()).findings) == 2, "it denies more than was denied"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Here is no pneumothorax or large pleural effusion.", "Here is no pneumothorax."),
        ("No large effusions or signs of edema.", "No signs of edema."),
        ("No consolidation, edema, or large effusion.", "No consolidation or edema."),
        ("No edema, large pleural effusion, or pneumothorax.", "No edema, or pneumothorax."),
    ],
)
def test_no_large_effusion_is_denied_beside_an_effusion(text: str, told: str) -> None:
    beside = obey(written("There is a pleural effusion.", text), written("Effusion."), findings("Pleural Effusion"))
    assert [w.text for w in beside.findings] == ["There is a pleural effusion.", told]
    alone = obey(written(text), written("No acute disease."), findings())
    assert [w.text for w in alone.findings] == [text]


def test_nothing_is_compared_with_a_film_that_was_not_seen() -> None:
    words = written("Nodular opacities are increased.", "The interstitial markings are increased.")
    result = obey(words, written("Opacities."), findings("Lung Opacity", "Lung Lesion"))
    assert "Nodular opacities are increased." not in [w.text for w in result.findings]
    assert any("earlier film" in note for note in result.notes)
    assert tells_change("The right effusion has decreased in size.")
    assert not tells_change("The interstitial markings are increased.")


def test_no_opacity_is_denied_beside_one_that_nothing_explains() -> None:
    labels = findings("Lung Opacity", "Lung Lesion", "Atelectasis")
    labels |= {name: Finding(0.4, 0.3, 0.35, "positive") for name in ("Lung Lesion", "Atelectasis")}
    plain = written("There is a pulmonary opacity.", "There is a nodule.", "There is atelectasis.")
    denial = written("No focal airspace opacity or pneumothorax.")
    result = obey([*plain, *denial], written("Opacity."), labels)
    said = [w.text for w in result.findings]
    assert said == [*(w.text for w in plain), sentence("Pneumothorax", "negative")]
    assert any("beside one" in note for note in result.notes)
    explained = written("Opacities compatible with atelectasis.", "There is a nodule.", "No focal airspace opacity.")
    kept = [w.text for w in obey(explained, written("Atelectasis."), labels).findings]
    assert "No focal airspace opacity." in kept


def test_an_impression_denies_no_opacity_beside_one_whatever_explains_it() -> None:
    seen = findings("Lung Opacity", "Atelectasis")
    body = written("There is a lung opacity.", "There is atelectasis.", "No focal opacity.")
    result = obey(body, written("Opacity and atelectasis.", "No infiltrate.", "No pneumothorax."), seen)
    assert "No focal opacity." in [w.text for w in result.findings], "of another one"
    assert [w.text for w in result.impression] == ["Opacity and atelectasis.", "No pneumothorax."]


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("The heart is enlarged with increased pulmonary vascularity.", False),
        ("The pulmonary vasculature is engorged.", False),
        ("The pulmonary vascularity is normal.", True),
        ("The vasculature of both lungs is not engorged.", True),
    ],
)
def test_vessels_are_full_where_an_edema_may_be(text: str, stands: bool) -> None:
    large = findings("Cardiomegaly")
    assert (text in [w.text for w in obey(written("The heart is enlarged.", text), [], large).findings]) == stands
    possible = large | {"Edema": Finding(0.4, 0.3, 0.5, "uncertain")}
    assert text in [w.text for w in obey(written("The heart is enlarged.", text), [], possible).findings]


def test_nothing_abnormal_is_said_of_the_aorta() -> None:
    words = written("The heart is normal in size.", "There is a tortuous aorta.", "The aorta is unremarkable.")
    result = obey(words, written("No acute disease."), findings())
    assert [w.text for w in result.findings] == [words[0].text, words[2].text]


@pytest.mark.parametrize("word", ["cardiomediastinal", "cardio-mediastinal", "cardio mediastinal"])
def test_however_it_is_written_the_outline_is_one(word: str) -> None:
    words = written(f"The {word} silhouette is unremarkable.", "There is no pneumothorax.")
    result = obey(words, written("Cardiomegaly."), findings("Cardiomegaly"))
    assert not any("silhouette" in w.text for w in result.findings)


def test_the_outline_is_not_normal_beside_a_large_heart() -> None:
    body = written("The heart is enlarged.", "The cardiomediastinal outline is of normal size.")
    result = obey(body, written("Cardiomegaly."), findings("Cardiomegaly"))
    assert [w.text for w in result.findings] == ["The heart is enlarged."]
    calm = written("The cardiomediastinal outline is of normal size.")
    assert obey(calm, written("No acute disease."), findings()).findings == tuple(calm)


def test_no_airspace_disease_is_denied_beside_a_consolidation() -> None:
    words = written("There is a consolidation.", "There is a pulmonary opacity.", "There is no focal airspace disease.")
    result = obey(words, written("Consolidation."), findings("Consolidation", "Lung Opacity", "Atelectasis"))
    assert "There is no focal airspace disease." not in [w.text for w in result.findings]
    plain = written("There is atelectasis.", "There is a pulmonary opacity.", "There is no focal airspace disease.")
    kept = obey(plain, written("Atelectasis."), findings("Lung Opacity", "Atelectasis"))
    assert "There is no focal airspace disease." in [w.text for w in kept.findings], "of another than what it explains"


def test_nodules_in_many_places_are_called_multiple_once() -> None:
    body = written("The heart is normal in size.", "There is a pulmonary nodule.", "Scattered pulmonary nodules.")
    many = [w.text for w in put_several(body, True, "findings")]
    assert many == ["The heart is normal in size.", "There are multiple pulmonary nodules."]
    assert stated(many[1]) == {"Lung Lesion"}
    both = written("Multiple nodules and a pleural effusion.")
    assert put_several(both, True, "findings") == tuple(both), "what says more is left as it is"
    assert [w.text for w in put_several(written("Pulmonary nodule."), True, "impression")] == [
        "Multiple pulmonary nodules."
    ]


def test_nodules_that_are_not_many_are_not_called_so() -> None:
    body = written("There are several scattered nodules.", "There is a calcified nodule.")
    assert [w.text for w in put_several(body, False, "findings")] == ["Pulmonary nodule.", body[1].text]
    assert [w.text for w in put_several(written("Multiple nodules."), False, "impression")] == ["Pulmonary nodule."]


def test_no_site_is_passed_over_in_silence() -> None:
    labels = findings("Lung Opacity")
    opacity = written("There is a pulmonary opacity.")
    whole = [w.text for w in put_silent_sites(opacity, labels)]
    assert whole == [
        "There is a pulmonary opacity.",
        "The heart is normal in size.",
        "No pleural effusion or pneumothorax.",
    ]
    assert stated(" ".join(whole)) == {"Lung Opacity"}
    labels["Pleural Effusion"] = replace(labels["Pleural Effusion"], state="uncertain")
    whole = [w.text for w in put_silent_sites(opacity, labels)]
    assert whole[2:] == ["There is no pneumothorax."], "what is likely is not denied"
    crowded = written(
        "The heart is enlarged.", "There is a pulmonary opacity.", "There are multiple pulmonary nodules."
    )
    whole = put_silent_sites(crowded, findings("Cardiomegaly", "Lung Opacity", "Lung Lesion"))
    assert stated(" ".join(w.text for w in whole)) == {"Cardiomegaly", "Lung Opacity", "Lung Lesion"}
    said = written("Cardiomediastinal silhouette is normal.", "The lungs are clear.", "No pneumothorax.")
    assert put_silent_sites(said, labels) == tuple(said)


def test_lungs_are_otherwise_clear_after_what_is_in_them() -> None:
    body = written("The heart is normal in size.", "The lungs are clear.", "No pneumothorax.", "There is a nodule.")
    result = [w.text for w in obey(body, [], findings("Lung Lesion")).findings]
    assert result == [
        "The heart is normal in size.",
        "There is a nodule.",
        "The lungs are otherwise clear.",
        "No pneumothorax.",
    ]


def test_vessels_are_not_normal_beside_an_edema() -> None:
    body = written("Heart size and pulmonary vascularity appear within normal limits.", "There is pulmonary edema.")
    assert [w.text for w in obey(body, [], findings("Edema")).findings] == ["There is pulmonary edema."]
    large = written("The heart is enlarged, pulmonary vascularity within normal limits.", "There is pulmonary edema.")
    said = [w.text for w in obey(large, [], findings("Edema", "Cardiomegaly")).findings]
    assert "vascularity" not in " ".join(said)
    assert stated(" ".join(said)) == {"Edema", "Cardiomegaly"}
    assert len(obey(body[:1], [], findings()).findings) == 1
    full = written("Pulmonary vascularity is increased.", "There is pulmonary edema.")
    assert obey(full, [], findings("Edema")).findings == tuple(full)
    congested = written("Pulmonary vascularity is increased, in keeping with edema.")
    assert obey(congested, [], findings("Edema")).findings == tuple(congested)


@pytest.mark.parametrize("text", ["Tracheostomy tube.", "The tip projects over the upper SVC.", "Surgical clips."])
def test_no_device_is_named_of_a_kind_that_nothing_tells(text: str) -> None:
    body = written("The heart is normal in size.", text)
    said = [w.text for w in obey(body, [], findings("Support Devices")).findings]
    assert text not in said
    assert stated(" ".join(said)) == {"Support Devices"}
    without = written("The heart is normal in size.", "No catheter is seen.")
    assert obey(without, [], findings()).findings == tuple(without), "what is denied names none"


def test_our_own_plain_words_stand_where_the_decoder_wrote_them_however_little_is_seen() -> None:
    words = written("Pleural effusion.", "The heart is normal in size.")
    weak = findings("Pleural Effusion") | {"Pleural Effusion": Finding(0.11, 0.1, 0.1, "positive")}
    result = obey(words, written("Pleural effusion."), weak)
    assert [w.text for w in result.findings] == [w.text for w in words]
    assert all(told_closely(text) == set() for text in plain())


def on_side(body: list[Written], conclusion: list[Written], many: bool = False, **known: Side) -> tuple[list[str], ...]:
    sides = {name.replace("_", " "): side for name, side in known.items()}
    held = {n: replace(f, by_model=f.state) for n, f in findings("Atelectasis", "Pleural Effusion", *sides).items()}
    result = obey(body, conclusion, held, told=frozenset({"granuloma"}), sides=sides)
    return (
        [w.text for w in put_sides(result.findings, sides, many, "findings")],
        [w.text for w in put_sides(result.impression, sides, many, "impression")],
    )


def test_a_decided_side_is_said_and_nothing_else_is_lost() -> None:
    body = written("Calcified granuloma with effusion and atelectasis, no pneumothorax.", "Healed scoliosis.")
    said, concluded = on_side(body, written("Effusion and atelectasis."), Pleural_Effusion="left")
    assert "Left pleural effusion." in said
    assert {"There is atelectasis.", "Calcified granuloma.", "There is no pneumothorax.", body[1].text} < set(said)
    assert len(said) == 5
    assert sorted(concluded) == ["Atelectasis.", "Left pleural effusion."]


@pytest.mark.parametrize("side", ["left", "right", "bilateral"])
@pytest.mark.parametrize(
    "text", ["Left effusion.", "Right effusion and left effusion.", "Effusion.", "Small effusions."]
)
def test_a_decided_side_stands_alone(text: str, side: Side) -> None:
    said, concluded = on_side(written(text, "There is atelectasis."), written(text), Pleural_Effusion=side)
    for whole in (said, concluded):
        told = {m.side for m in label_spans(" ".join(whole)) if m.label == "Pleural Effusion"}
        assert told == {side}


def test_an_opacity_on_a_side_is_not_denied_and_named_beside_an_atelectasis() -> None:
    body = written("Opacities compatible with atelectasis.", "The lungs are free of airspace disease.", "Effusion.")
    said, concluded = on_side(body, written("Opacity and atelectasis."), Lung_Opacity="left")
    assert "Left pulmonary opacity." in said
    assert body[1].text not in said
    assert concluded.count("Left pulmonary opacity.") == 1
    assert "Atelectasis." in concluded


def test_many_nodules_stay_many_on_a_side() -> None:
    body = written("There is atelectasis.", "Effusion.", "Pulmonary nodule.")
    for many, words in ((False, "Left pulmonary nodule."), (True, "There are multiple left pulmonary nodules.")):
        assert words in on_side(body, [], many, Lung_Lesion="left")[0]
    assert "Bilateral pulmonary nodules." in on_side(body, [], True, Lung_Lesion="bilateral")[0]


def test_pleural_thickening_is_concluded() -> None:
    assert "Right pleural thickening." in on_side(written("Effusion."), written("Effusion."), Pleural_Other="right")[1]
