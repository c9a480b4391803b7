"""Repair of the de-identifier's blanks (``XXXX``) in IU X-Ray's reports.

The de-identifier blanked every word that is also a name or a place: "ray", "bones", "median", "likely", "new". Where
the words around a blank leave one word, it is put back; where the blank is an adjective that can go without changing
what is claimed, it goes. Anything else stays, and the caller drops the sentence. The rules were written from the
reports of the train split; no word of a report is stored here beyond the collocations themselves.
"""

from __future__ import annotations

import re

__all__ = ["BLANK", "repair_blanks"]

BLANK = "XXXX"

#: What follows a blank that stood for "likely": anywhere; only after a comma or the word for a shadow.
_LIKELY_VERB = (
    r"(?:represent|reflect|relat|due\b|secondary|accentuat|exaggerat|indicat|correspond|consistent|compatible|sequela"
    r"|evolving|remote)"
)
_LIKELY_NOUN = (
    r"(?:atelecta|subsegmental|scar|chronic|calcifi|granuloma|infectious|degenerative|combination|artifact|focal\s+atelecta"
    r"|discoid|benign|positional|overlapping|confluence|edema|congestion|bronchovascular|pneumonia|infiltrat"
    r"|a\s+(?:combination|small|calcified|granuloma|component|skin|nipple))"
)
_SHADOW = (
    r"opacity|opacities|opacification|density|densities|disease|markings|changes?|nodules?|regions?|bases?|lobes?|lungs?"
    r"|blunting|bilaterally|prominence"
)
_STATE_NEXT = (
    r"(?:grossly\s+|otherwise\s+|also\s+|within\s+)*(?:intact|normal|unremarkable|osteopenic|demineralized|clear)"
)
#: What an unknown adjective may stand before: leaving it out leaves the same claim, only less precise.
_NOUN_NEXT = (
    r"(?:opacit|opacification|densit|scar|atelecta|airspace|air\s+space|alveolar|effusion|pleural|pleuro|bilateral|left"
    r"|right|bibasilar|basilar|biapical|apical|upper\s+lobe|lower\s+lobe|middle\s+lobe|interstitial|reticul|nodul|mass"
    r"|infiltrate|consolidation|edema|lucenc|calcif|granuloma|multilevel|degenerative|parenchymal|fissure|patchy|linear"
    r"|subsegmental|pulmonary\s+(?:consolid|edema|nodul|infiltr|opac|fibro|vascular)|emphysema|hiatal|cardiomegaly"
    r"|catheter|focal|acute|suspicious|pneumothora|pneumonia|fractures?\b|spondylosis|scoliosis|kyphosis|dextro|levo"
    r"|small|large|mild|minimal|moderate|streaky|chronic|perihilar|vascular|cardiopulmonary|bony|osseous|active|lung\s+nodul"
    r"|prominen|thickening|blunting|osteophyt|abnormalit|lesion)"
)


def _rules(table: list[tuple[str, str]]) -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(pattern.replace("~", BLANK), re.IGNORECASE), replacement) for pattern, replacement in table]


#: (pattern, replacement) in order; ``~`` is a blank. Specific collocations come before the general rules.
_REPAIRS = _rules(
    [
        (r"\bx-~", "x-ray"),
        (r"\b~-a-~(?:\s+~)?", "Port-a-Cath"),
        (r"\b(dual|single)-~(?=\s+(?:cardiac|pacemaker|pacer|AICD|ICD|defib|left|right))", r"\1-lead"),
        (r"\b(an?\s+(?:\w+\s+){0,3}lymph)\s+~", r"\1 node"),
        (r"\blymph\s+~", "lymph nodes"),
        (r"\b~\s+at\s+~(?=\s+(?:partially|in\s+part))", "likely at least"),
        (r"^~(?=\s+B-?\s?lines)", "Kerley"),
        (r"\b(scattered|few|some|basilar)\s+~(?=\s+of\b)", r"\1 areas"),
        (r"\b(frontal|lateral)\s+~(?=[.,]|$)", r"\1 view"),
        (r"\b(superior\s+vena)\s+~", r"\1 cava"),
        (r"\b(large)\s+~(?=\s+(?:feeding|enteric))", r"\1 bore"),
        (r"\b(injection)\s+~(?=\s+(?:has|is|with|tip))", r"\1 port"),
        (
            r"\b((?:catheter|line|tube|pacemaker|device|Port-a-Cath)\s+(?:is|remains)\s+in)\s+~(?=\s*(?:\.|,|with\b|over\b|$))",
            r"\1 place",
        ),
        (r"\b(is|are)\s+~(?=\s+to\s+(?:represent|be)\b)", r"\1 likely"),
        (r"\b(ICD|pacing|pacer)\s+~(?=\s+(?:tip|over)\b)", r"\1 lead"),
        (r"\b(costophrenic)\s+~(?=\s+blunting)", r"\1 angle"),
        (r"\b((?:both|bilateral)\s+(?:\w+\s+){0,2}costophrenic)\s+~", r"\1 angles"),
        (r"\b(costophrenic)\s+~(?=\s+(?:are\b|appear\b|bilaterally|clear))", r"\1 angles"),
        (r"\b(costophrenic|cardiophrenic)\s+~", r"\1 angle"),
        (r"\b(aortic)\s+~(?=\s+(?:are|appear)\b)", r"\1 contours"),
        (r"\b(aortic)\s+~", r"\1 arch"),
        (r"\b((?:lower|mid|upper)\s+lung)\s+~", r"\1 zone"),
        (r"\b(lung)\s+~(?=\s+(?:are|appear|bilaterally|with|remain)\b)", r"\1 fields"),
        (r"\b(bowel)\s+~(?=\s+pattern)", r"\1 gas"),
        (r"(?:~\s+){1,2}sternotomy", "median sternotomy"),
        (r"\b(sternotomy)\s+~(?=\s+is\b)", r"\1 wire"),
        (r"\b(sternotomy)\s+~", r"\1 wires"),
        (r"\b(cardiac)\s+~(?=\s+(?:generator|in\b|with\b|and\s+leads|leads))", r"\1 device"),
        (r"\b((?:right|left)\s+cardiac)\s+~(?=\.|\s+(?:is|by)\b)", r"\1 border"),
        (r"\bdual\s+~(?=\s+(?:ICD|AICD|pacemaker|cardiac|defib))", "dual-lead"),
        (r"\b((?:defibrillator|pacemaker)(?:/ICD)?)\s+~(?=\s+(?:is|in|tip|overl\w+|project\w*)\b|\.)", r"\1 lead"),
        (r"\b(with|no|are)\s+~(?=\s+B\s+lines)", r"\1 Kerley"),
        (r"\b(fat)\s+~(?=\s+are\b)", r"\1 pads"),
        (r"\b((?:epicardial|pericardial|cardiac)\s+fat)\s+~", r"\1 pad"),
        (
            r"\b(chest)\s+~(?=\s+(?:tip|is\b|with\b|in\b|has\b|catheter|overl|terminat|identified)|,\s+the\b)",
            r"\1 port",
        ),
        (
            r"(?<!acute )(?<!active )(?<!focal )\b(pulmonary)\s+~"
            r"(?=\s*(?:,|and\b|are\b|appear|otherwise|within|normal))",
            r"\1 vessels",
        ),
        (r"\b(normal\s+pulmonary)\s+~(?=\.|\s+and\b)", r"\1 vessels"),
        (r"\b((?:right|left)\s+heart)\s+~", r"\1 border"),
        (r"\b(heart)\s+~(?=\s*(?:,|is\b|and\s+(?:mediastin|pulmonary)|within|normal))", r"\1 size"),
        (r"\b(heart\s+size)\s+~(?=\s+(?:within|mildly|normal|enlarged|borderline|large))", r"\1 is"),
        (r"\b(is|are)\s+~(?=\s+within\s+normal)", r"\1"),
        (r"\b(superior|inferior)\s+~\s+~", r"\1 vena cava"),
        (r"\b(rotator)\s+~", r"\1 cuff"),
        (r"\b(loss\s+of\s+vertebral\s+body)\s+~", r"\1 height"),
        (r"\b(vertebral\s+body)\s+~(?=\s+(?:and|are|is)\b|\.)", r"\1 heights"),
        (r"\b(inspiratory)\s+~", r"\1 effort"),
        (r"\bat\s+~(?=\s+(?:in\s+part|partially|mildly|moderate|borderline|the\b|one\b|two\b|\d))", "at least"),
        (r"\b(note)\s+(?:is\s+)?~(?=\s+of\b)", r"\1 is made"),
        (r"\b(most)\s+~(?=\s+(?:represent|reflect|due|relat|consistent|secondary|compatible))", r"\1 likely"),
        (r"\b(most)\s+~(?=\s+(?:pneumonia|atelecta|mild|an?\b))", r"\1 likely"),
        (r"\b(appearance|which)\s+~(?=\s+(?:scarring|atelecta|subsegmental))", r"\1 suggests"),
        (r"(?<=[\w,])(?<!\bno)(?<!\bor)\s+~(?=\s+" + _LIKELY_VERB + ")", " likely"),
        (r"(?<!\bthere )\b(is)\s+~(?=\s+" + _LIKELY_NOUN + ")", r"\1 likely"),
        (r"(?<=,)\s+~(?=\s+(?:acute|" + _LIKELY_NOUN + "))", " likely"),
        (r"\b(" + _SHADOW + r")\s+~(?=\s+" + _LIKELY_NOUN + ")", r"\1 likely"),
        (r"(?<=,)\s+~(?=\s+(?:seen|appreciated|visualized|demonstrated)\s+on)", " best"),
        (r"\b(are\s+no)\s+~(?=\s+of\b)", r"\1 signs"),
        (r"\b(no|without)\s+~(?=\s+of\b)", r"\1 evidence"),
        (r"^(the\s+)?~(?=\s+(?:are|appear)\s+" + _STATE_NEXT + ")", r"The bones"),
        (r"^(the\s+)?~(?=\s+and\s+soft\s+tissues?\b)", r"The bones"),
        (r"\band\s+~(?=\s+(?:are|appear)\s+" + _STATE_NEXT + ")", "and bones"),
        (r",\s+~(?=,)", ""),
        (r"\b(mild|minimal|small|patchy|subtle|vague|bilateral),\s+~(?=\s+" + _NOUN_NEXT + ")", r"\1"),
        (r"\b(air|gas|fluid)\s+~(?=\s+level)", r"\1"),
    ]
)
_SPINE = re.compile(r"\b(?:[TL]\d|vertebra|spine|spinal|thoracic|lumbar|wedge)", re.IGNORECASE)
_COMPRESSION = re.compile(rf"\b{BLANK}(?=\s+(?:deformit|fracture))")
_ADJECTIVE = re.compile(
    r"(^|\b(?:is|are|was|there|the|an?|few|some|no|and|with|of|or|in|mild|minimal|small|scattered|multiple|stable|without"
    r"|bilateral|left|right|patchy|lower|upper|any|probable|possible|basilar|perihilar|lobe|base|also|increased|versus"
    rf"|due\s+to|two|several)\s+|,\s+)(?:{BLANK}\s+){{1,2}}(?={_NOUN_NEXT})",
    re.IGNORECASE,
)


def repair_blanks(sentence: str) -> str:
    """The sentence with those blanks repaired that can be; where ``BLANK`` is still in it, it cannot be kept."""
    if BLANK not in sentence:
        return sentence
    for pattern, replacement in _REPAIRS:
        sentence = pattern.sub(replacement, sentence)
    if _SPINE.search(sentence):
        sentence = _COMPRESSION.sub("compression", sentence)
    return _ADJECTIVE.sub(r"\1", sentence)
