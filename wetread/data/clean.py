"""Report text → sentences to learn from: no de-identifier's blanks, no priors, no letter-head, proper case.

Every sentence that comes out begins with a capital, ends with a full stop and can stand alone. What cannot be
repaired by rule is dropped, and counted by its reason. The words of the text are never exchanged for others that
claim something else.
"""

from __future__ import annotations

import html
import re
from collections import Counter

from wetread.data.blanks import BLANK, repair_blanks
from wetread.data.comparisons import without_comparison
from wetread.report.sentences import split_sentences

__all__ = ["clean_sentence", "clean_text"]

#: Talk between people, technique and letter-head: no reading of the film.
_OFFICE = re.compile(
    r"\b(?:discussed|notif(?:ied|ication)|communicat\w+|telephone\w*|paged|page|message|veriphy|called|results?\s+(?:were|was)"
    r"|ordering|physician|radiologist|department|dr\.?|doctor|nurse|reviewed|addend\w+|dictat\w+|transcri\w+|signed|a\.m\."
    r"|p\.m\.|hours|attending|resident|thank\w*|(?:any|are)\s+questions|please|end\s+of\s+report|primordial|critical\s+result)\b",
    re.IGNORECASE,
)
_TECHNIQUE = re.compile(
    r"\b(?:views?|images?|radiographs?|projections?|films?)\b.*\b(?:obtained|submitted|provided|performed|acquired|received)\b"
    r"|\b(?:examination|exam|study)\s+(?:consists|was\s+obtained|is\s+performed|was\s+performed)"
    r"|^(?:(?:two|one|three|four|single|\d+|PA|AP|frontal|lateral|portable|and|upright|,|of|the|chest|views?|images?)\W*)+$"
    r"|^(?:technique|exam|examination|comparisons?|history|indication|clinical|date|procedure)\b\s*[:,.]"
    r"|^(?:no\s+)?comparisons?\b",
    re.IGNORECASE,
)
_OTHER_PART = re.compile(
    r"^(?:left|right)\s+\w+(?:\s+and\s+\w+)*:|\b(?:knees?|foot|feet|ankles?|hips?|pelvi[sc]|wrists?|hands?|elbows?|femur|femoral\s+head|tibia|fibula|scaphoid"
    r"|KUB|lumbar\s+spine\s+series|metatars\w*|calcane\w*|soft\s+tissue\s+neck|prevertebral|epiglott\w*)\b",
    re.IGNORECASE,
)
_ITEM = re.compile(r"^\W*(?:\(?\d{1,2}[.):](?!\d)\s*)+|^\W*[-*•]\s*")
_TAIL = re.compile(r"(?:\s+|(?<=[a-z]))\d{1,2}\s*\.?$")
_HEADER = re.compile(
    r"^(?:(?:chest|findings?|impressions?|conclusion|opinion|lungs?|heart|bones?|PA|AP|lateral|and|views?|x-ray|CXR)[\s,/]*)+:\s*",
    re.IGNORECASE,
)
_DEBRIS = re.compile(
    rf"^\W|{BLANK}|\d+/\d+|\d:\d\d|\b\d{{1,2}}/|\b(?:19|20)\d\d\b|\b\d{{4,}}\b|[_=<>\[\]{{}}|~^]|\?|:$|\b(?:Mr|Mrs|Ms)\b"
)
_NO_COMPARISON = re.compile(
    rf"^(?:no\s+)?comparison\s+(?:chest\s+x-)?{BLANK}(?:,?\s+{BLANK})*[.,]?\s+(?=[A-Z][a-z])", re.I
)
_HEADING = re.compile(
    r"^(?:(?:left|right|bilateral|thoracic|lumbar|lumbosacral|cervical|upper|lower|and|the|views?)\s+)*"
    r"(?:spine|ribs?|clavicles?|shoulders?|abdomen|chest|sternum|forearm|humerus|neck|thorax|lungs|heart|films?|radiographs?|silhouette|mediastinal\s+silhouette|chest\s+radiograph|rib\s+films)\.?$",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(
    r"\b(?:described|discussed|mentioned|noted|stated|detailed|as|see)\s+(?:above|below)\b", re.IGNORECASE
)
#: A new sentence without the full stop before it.
_RUN_ON = re.compile(
    r"(?<=[a-z])(?<!\band)(?<!\bor)(?<!\bwith)(?<!\bwise)(?<!\bthe)(?<!\bof)\s+(?=(?:No|There|The|Heart|Lungs)\s+[a-z])"
)
#: A sentence that begins so was torn off another one.
_TORN = re.compile(
    r"^(?:and|or|but|which|that|is|are|was|were|of|to|with|than|then|as|by|no\s+there|see|could|may|represents?|a\s+there)\b",
    re.IGNORECASE,
)
#: A noun of which nothing is said, because a blank took the verb.
_VERBLESS = re.compile(
    r"^(?:there|the|this|these)\b(?!'s)(?!.*\b(?:is|are|was|were|be|been|has|have|had|do|does|may|can|cannot|could|would|should"
    r"|will|might|must|overl\w+|lies?|seen|shown|given|clear|normal|stable|unremarkable|unchanged|intact|\w+ed"
    r"|(?:appear|suggest|represent|remain|demonstrate|show|reveal|contain|project|extend|terminate|reflect|measure|indicate"
    r"|obscure|persist|include|exhibit|end|relate|cause|correspond|need|reach|pass|cross)(?:e?s)?)\b)",
    re.IGNORECASE,
)
_ENDS_OPEN = re.compile(
    r"\b(?:and|or|of|the|an?|in|with|to|for|by|at|from|is|are|on|as|no|than|likely|versus"
    r"|(?<!is )(?<!are )(?<!appear )(?<!appears )(?:minimal|mild|small|bilateral)"
    r"|which|consistent|compatible|may|could)$",
    re.IGNORECASE,
)
_NAMES = frozenset(
    [
        "Schmorl",
        "Bochdalek",
        "Morgagni",
        "Hodgkin",
        "Kerley",
        "Hampton",
        "Ghon",
        "Swan",
        "Ganz",
        "Harrington",
        "Hickman",
        "Cobb",
        "Dobbhoff",
        "Groshong",
        "Mediport",
        "Chilaiditi",
        "Port-a-Cath",
        "Cath",
        "Hill",
        "Sachs",
        "Paget",
        "Pancoast",
        "Ranke",
        "Westermark",
        "Nuss",
        "Marfan",
        "Eisenmenger",
        "Crohn",
        "Rasmussen",
    ]
)
#: Words that are a sentence by themselves.
_ONE_WORD = frozenset(
    [
        "normal",
        "unremarkable",
        "cardiomegaly",
        "emphysema",
        "scoliosis",
        "kyphosis",
        "copd",
        "atelectasis",
        "pneumonia",
        "pneumothorax",
        "osteopenia",
        "hyperinflation",
        "hyperexpansion",
        "spondylosis",
        "bronchitis",
        "dextroscoliosis",
        "levoscoliosis",
    ]
)


def _typography(text: str) -> str:
    text = html.unescape(html.unescape(text)).replace("’", "'").replace("–", "-").replace("—", "-")
    text = re.sub(r"[\[<]+(?=\s*[A-Z])|[\]>]+(?=\s*[.\s]|$)", "", text)
    text = re.sub(r"X{3,}(?:'s\b|')?", BLANK, text)
    text = re.sub(r"\s+([.,;:])", r"\1", text)
    text = re.sub(r"\.{2,}", ".", text)
    text = re.sub(r"\b(\d{1,2}\.)(?=[A-Z])", r"\1 ", text)
    return _RUN_ON.sub(". ", " ".join(text.split()))


def _case(sentence: str) -> str:
    """Sentence case: first letter capital, acronyms and names as they are written, all else small."""
    words = sentence.split(" ")
    for i, word in enumerate(words):
        core = word.strip(".,;:()\"'")
        shouted = core.isalpha() and core.isupper() and len(core) > 5
        capitalised = i > 0 and core not in _NAMES and re.fullmatch(r"[A-Z][a-z]+(?:-[a-z]+)*", core)
        if shouted or capitalised:
            words[i] = word.lower()
    cased = " ".join(words)
    return cased[:1].upper() + cased[1:]


def _polish(sentence: str) -> str:
    """Repairs what taking words out leaves behind: articles, doubled words and marks, the end."""
    sentence = " ".join(sentence.split()).strip(" .,;:-")
    sentence = re.sub(r"\s+([,.;:])", r"\1", sentence)
    sentence = re.sub(r",(?:\s*,)+", ",", sentence)
    sentence = re.sub(r"\b(\w{2,})\s+\1\b", r"\1", sentence, flags=re.IGNORECASE)
    sentence = re.sub(r"\b([Aa])\s+(?=[aeio]\w)", r"\1n ", sentence)
    sentence = re.sub(r"\b([Aa])n\s+(?=(?:[bcdfgjkmnpqrtvwyz]|h(?!our|onest|eir))\w)", r"\1 ", sentence)
    return _case(sentence) + "." if sentence else ""


def _reason_to_drop(sentence: str) -> str | None:
    if _OFFICE.search(sentence):
        return "talk between people"
    if _TECHNIQUE.search(sentence):
        return "technique"
    if _ELSEWHERE.search(sentence):
        return "reference to elsewhere"
    if _HEADING.search(sentence):
        return "heading"
    if _OTHER_PART.search(sentence):
        return "another part of the body"
    return None


def clean_sentence(sentence: str) -> tuple[str | None, str]:
    """One sentence → (the sentence to learn from or None, what was done: ``kept``, ``repaired`` or why dropped)."""
    original = " ".join(sentence.split())
    cleaned, reason = _clean_once(original)
    while cleaned is not None:
        again, reason = _clean_once(cleaned)  # taking one thing out may bring another to light
        if again == cleaned:
            return cleaned, "kept" if cleaned.rstrip(".") == original.rstrip(" .") else "repaired"
        if again is not None and len(again) >= len(cleaned):
            return None, "debris"
        cleaned = again
    return None, reason


def _clean_once(original: str) -> tuple[str | None, str]:
    sentence = _HEADER.sub("", _NO_COMPARISON.sub("", _TAIL.sub("", _ITEM.sub("", original))))
    if not re.search(r"[A-Za-z]{3}", sentence):
        return None, "no words"
    if sentence.isupper() and len(sentence.split()) > 2:
        return None, "capitals only"
    reason = _reason_to_drop(sentence)
    if reason:
        return None, reason
    stated = without_comparison(sentence)
    if stated is None:
        return None, "comparison with a prior"
    repaired = _polish(repair_blanks(stated.strip()))
    if BLANK in repaired:
        return None, "blank that cannot be repaired"
    if _DEBRIS.search(repaired):
        return None, "debris"
    words = repaired.rstrip(".").split()
    if (
        not words
        or _TORN.match(repaired)
        or _VERBLESS.match(repaired)
        or _ENDS_OPEN.search(repaired.rstrip("."))
        or (len(words) == 1 and words[0].lower() not in _ONE_WORD)
    ):
        return None, "fragment"
    return repaired, "repaired"


def clean_text(text: str | None, counts: Counter[str] | None = None) -> list[str]:
    """A section's text → its sentences, cleaned, in order, each once.

    Args:
        text: FINDINGS or IMPRESSION as the collection has it; None gives no sentence.
        counts: where given, it counts by reason: ``kept``, ``repaired``, and why each other sentence was dropped.
    """
    sentences: dict[str, None] = {}
    for span in split_sentences(_typography(text or "")):
        sentence, reason = clean_sentence(span.value)
        if sentence in sentences:
            reason = "said twice"
        elif sentence is not None:
            sentences[sentence] = None
        if counts is not None:
            counts[reason] += 1
    return list(sentences)
