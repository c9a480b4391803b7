"""Taking comparisons with earlier examinations out of a sentence.

A draft is written without priors, so a text to learn from must not speak of them. What a sentence says of the film in
hand is kept ("Stable cardiomegaly." → "Cardiomegaly."); a sentence that only speaks of change is not ("No change in
the effusion."). Old disease is no comparison: "prior granulomatous disease", "old rib fracture" stay.
"""

from __future__ import annotations

import re

__all__ = ["without_comparison"]

_EXAM = (
    r"(?:stud(?:y|ies)|exam(?:s|ination|inations)?|radiographs?|films?|images?|imaging|x-?rays?|CTs?|CT\s+scans?|scans?"
    r"|chest|CXR|views?|comparisons?|XXXX(?:\s+(?:scan|study|exam|CT))?)"
)
_EARLIER = r"(?:prior|previous|earlier|most\s+recent|recent|last|old|outside|comparison)"
_PRIOR = (
    rf"(?:(?:the|a|an|multiple|his|her)\s+)?(?:{_EARLIER}\s+)*(?:{_EARLIER}|(?:chest\s+)?{_EXAM})"
    rf"(?:\s+(?:chest\s+)?(?:CT\s+)?{_EXAM})*(?:\s+(?:dated|from|of|on|performed)\s+XXXX(?:,?\s+XXXX)*)?(?:,?\s+XXXX)*"
)
_PRIOR_NAMED = (
    rf"(?:(?:the|a|an|multiple)\s+)?(?:{_EARLIER}\s+)+(?:chest\s+)?(?:CT\s+)?{_EXAM}"
    r"(?:\s+(?:dated|from|of|on)\s+XXXX(?:,?\s+XXXX)*)?(?:,?\s+XXXX)*"
)
_STEADY = (
    r"(?:(?:grossly|essentially|relatively|overall|otherwise|largely|likewise)\s+)?"
    r"(?:stable|unchanged)(?:\s+appearing)?"
)
_SEEN = r"(?:noted|seen|demonstrated|identified|visualized|present|appreciated|evident|observed|shown)"
_DEGREE = r"(?:mild|moderate|severe|slight|small|minimal|marked|large|borderline|prominent|chronic)"
_LOOK = r"(?:appearance|position|configuration|alignment|size|contour|caliber)"

#: What says nothing by itself: "the silhouette is stable" is neither normal nor abnormal.
_NEUTRAL = re.compile(
    r"\b(?:silhouettes?|contours?|configuration|caliber|alignment|mediastinum|heart|heart\s+size|cardiac\s+size|lungs?|chest|appearance|bones?|thorax"
    r"|structures?|vasculature|vascularity|vessels|exam(?:ination)?|study|aorta|spine|hila|diaphragms?|trachea"
    r"|position(?:ing)?|volumes?|size|findings?|soft\s+tissues|disease|process|interstitium|markings|remainder|this|it"
    r"|they|these|abdomen|size\s+and\s+contour)\W*$",
    re.IGNORECASE,
)
#: Words that make a neutral subject a statement.
_SAYS = re.compile(
    r"\b(?:normal|clear|unremarkable|intact|enlarge|prominen|tortuo|elevat|calcif|degenerat|scolio|kypho|opaci|effusion"
    r"|cardiomegaly|hyperinflat|emphysem|granulom|scar|nodul|mass|atelecta|fibro|infiltrat|consolid|edema|pneumo|congest"
    r"|fractur|deformit|osteo|spondyl|cathet|pacemaker|pacer|wire|clip|line|tube|port|stent|thicken|blunt|hernia|ectasia"
    r"|ectatic|hyperexpan|low|large|small|increased|decreased|wid(?:e|ened)|shift|deviat|within|without|no\b|surg|suture"
    r"|postop|valve|device|lead|tip\b|COPD|collapse|eventration|sclero|athero|aneurysm|densit|hypo|hyper|curvature"
    r"|airspace|unfold|flatten|chronic|abnormal|borderline|mild|moderate|severe|lesion|cyst|pleural)",
    re.IGNORECASE,
)


def _rules(table: list[tuple[str, str]]) -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(pattern, re.IGNORECASE), replacement) for pattern, replacement in table]


#: Phrases of comparison that leave a whole sentence behind when taken out; in order.
_PHRASES = _rules(
    [
        (rf",?\s*(?:as|when|are|is)?\s*compared?\s+(?:to|with)\s+{_PRIOR}(?=\W|$)", ""),
        (rf",?\s*in\s+comparison\s+(?:to|with)\s+{_PRIOR}(?=\W|$)", ""),
        (rf"\b({_STEADY})\s+(?:from|since|in|on|to|with|when)\s+{_PRIOR}(?=\W|$)", r"\1"),
        (rf"\bappears?\s+similar(?:\s+in\s+{_LOOK})?\s+to\s+{_PRIOR}(?=\W|$)", "is unchanged"),
        (rf",?\s*\b(?:appear(?:s|ing)?\s+)?similar(?:\s+in\s+{_LOOK})?\s+to\s+{_PRIOR}(?=\W|$)", ""),
        (rf",?\s*(?:ever\s+)?since\s+{_PRIOR}(?=\W|$)", ""),
        (r",?\s*(?:as|than|from)\s+before\b", ""),
        (rf"\b{_STEADY},\s+(?={_DEGREE})", ""),
        (rf"^{_STEADY},\s+", ""),
        (rf"\s+{_STEADY}\s+and\s+(?=(?:grossly\s+)?(?:unremarkable|normal|clear|within|intact))", " "),
        (rf"\b(normal|unremarkable)\s+and\s+{_STEADY}\s+(?=\w)", r"\1 "),
        (r"^(?:grossly\s+)?similar(?:[\s-]+appearing)?\s+(?!appearance)", ""),
        (rf",?\s*\bas\s+(?:was\s+|also\s+)?{_SEEN}\s+(?:on|in)\s+{_PRIOR_NAMED}(?=\W|$)", ""),
        (
            r",?\s*(?:\bor|\band|\bwith|\bwithout)?\s*\b(?:no|without|any)?\s*(?:significant\s+|acute\s+|appreciable\s+)*"
            r"interval\s+changes?\b(?:\s+(?:is|are)?\s*" + _SEEN + r")?",
            "",
        ),
        (r",?\s*\bwithout\s+(?:any\s+)?(?:significant\s+|appreciable\s+)?change\b", ""),
        (r",?\s*\b(?:in|over|for)\s+the\s+interval\b", ""),
        (r"\s+on\s+today'?s\s+(?:study|exam|examination|film)\b", ""),
        (rf"\bagain\s+{_SEEN}\s+(is|are)\b", r"there \1"),
        (rf"\b(is|are)\s+again\s+(?={_SEEN})", r"\1 "),
        (r"\b(is|are)\s+again\s+", r"\1 "),
        (rf"\bagain\s+(?={_SEEN})", ""),
        (r"\bonce\s+again\b|\bagain\b,?", ""),
        (r"\bredemonstration\s+of\s+(?:the\s+)?", ""),
        (r"\b(is|are)\s+re-?demonstrated\b", r"\1 noted"),
        (r"\bre-?demonstrated\s+(?:is|are)\b", "there is"),
        (r"\bre-?demonstrated\b", ""),
        (rf"\bin\s+{_STEADY}\s+(?:and\s+\w+\s+)?position(?:ing)?\b", "in place"),
        (rf"\bwith\s+(?:an?\s+)?{_STEADY}\s+{_LOOK}\b(?:\s+of(?:\s+(?!with\b)\w+)+(?=[.,;]|$))?", ""),
        (rf"\b(?:is|are|appears?)\s+{_STEADY}\s+and\s+(?=(?:appears?|is|are|has|have|measures?)\b)", ""),
        (rf"\b({_STEADY}\s+(?:\w+\s+){{0,2}}cardiomegaly)\s+and\s+(?:\w+\s+){{0,2}}(?:contours?|silhouette)\b", r"\1"),
        (rf"\b(?:has|have|demonstrates?)\s+(?:an?\s+)?{_STEADY}\s+{_LOOK}\b", "stable"),
        (rf"\b{_STEADY}\s+{_LOOK}\s+(?:of\s+)?(?:the\s+|an?\s+)?(?=\w)(?!on\b|in\b|and\b|is\b|are\b)", "stable "),
        (rf"\b(is|are|appears?|remains?)\s+{_STEADY}\s+(?:and|but)\s+", r"\1 "),
        (
            rf",?\s+(?:and|but|which\s+(?:is|are)|is|are)?\s*{_STEADY}(?=,?\s+(?:and|but)\s+(?:is|are|mild|moderate|within|no))",
            "",
        ),
        (rf"\s+(?:and|but|both|also|which\s+(?:is|are))\s+{_STEADY}(?=\s*[.,;]|\s*$)", ""),
        (
            rf",\s*(?:and\s+)?(?:both\s+|likewise\s+)?{_STEADY}(?:\s+in\s+{_LOOK}(?:\s+and\s+{_LOOK})*)?(?=\s*[.,;]|\s*$)",
            "",
        ),
        (r"\b(?:remains?|continues?\s+to\s+be)\s+(?=in\b)", "is "),
        (r"\bremains\b|\bcontinues\s+to\s+be\b", "is"),
        (r"\bremain\b|\bcontinue\s+to\s+be\b", "are"),
        (r"\b(is|are)\s+(?:persistent|persistently)\s+(?=\w+)", r"\1 "),
        (r"\b(?:persistent(?:ly)?|known|continued|ongoing)\s+(?!disease\s+progression|clinical|concern)", ""),
        (r"\b(?:persists?)\b", "is seen"),
    ]
)
#: "<finding> is unchanged" → "<finding> is noted"; a neutral subject is dropped before.
_PREDICATE = re.compile(
    rf"\b(is|are|appears?)\s+(?:also\s+)?{_STEADY}(?:\s+in\s+{_LOOK}(?:(?:\s+and|,)\s+{_LOOK})*)?(?=\s*[.,;]|\s*$|\s+(?:with|without|and|on|in)\b)",
    re.IGNORECASE,
)
#: "Stable silhouette with a tortuous aorta" → "a tortuous aorta".
_LEADING_NEUTRAL = re.compile(
    rf"^(?:there\s+(?:is|are)\s+)?{_STEADY}\s+(?P<neutral>(?:[\w/-]+\s+){{0,3}}?"
    r"(?:silhouette|contours?|chest|mediastinum|appearance|exam|lungs?))\s+with\s+(?=\w)",
    re.IGNORECASE,
)
_TRAILING = re.compile(rf"\s+{_STEADY}(?:\s+in\s+{_LOOK}(?:\s+and\s+{_LOOK})*)?\s*(?=[.;]|$)", re.IGNORECASE)
_ADJECTIVE = re.compile(rf"\b{_STEADY}\s+(?=[\w(])", re.IGNORECASE)
_ONLY_CHANGE = re.compile(
    rf"^\W*(?:otherwise,?\s+|there\s+(?:is|has\s+been|are)\s+|overall,?\s+)*(?:no|without|little|not)\s+"
    rf"(?:\w+\s+){{0,3}}?(?:changed?|(?<!acute\sbony\s)change)\b|^\W*{_STEADY}\W*$",
    re.IGNORECASE,
)
#: What still speaks of an earlier film once the phrases are gone. Old disease is allowed by what follows it.
_DISEASE = (
    r"(?:\w+\s+){0,2}(?:granulom|surg|CABG|coronary|bypass|sternotomy|thoracotomy|fracture|trauma|infect|inflamm|resect"
    r"|lobectom|mastectom|cholecystectom|injur|TIPS|histoplasm|expos|interven|fusion|insult|disease|tubercul|rib|valve"
    r"|operat|procedure|vertebroplast|radiation|median|graft|repair|scar|heal|healed|deformit|granulation|clavic|left"
    r"|right)"
)
_RESIDUE = re.compile(
    r"\b(?:unchanged|stable|stability|interval\w*|again|since|previously|earlier|before|last|today\w*|yet|now|newly|new"
    r"|compar(?:ed|ison|isons|able)|recent(?:ly)?|currently|no\s+longer|followup\s+to"
    rf"|(?:prior|previous)(?!\s+{_DISEASE})"
    r"|improv\w+|worsen\w*|wors[et]\s+(?:compared|than\s+(?:on|the))|resolv\w+|resolution|recurrent|clearing|persist\w*"
    r"|develop(?:ed|ing)|progress(?:ion|ed|ive|ing|ively)?|remov(?:ed|al)|placement|changed|residual(?!s)"
    r"|increasing|decreasing|(?:in|de)creas(?:ed|ing|e)\s+(?:in|from|since)|slight(?:ly)?\s+(?:in|de)crease"
    r"|no\s+(?:\w+\s+)?change\b|change\s+(?:from|in|since)|re-?(?:demonstrat|identif)\w+"
    r"|similar(?:ly)?(?=\s+(?:to|in|appearance)|\W*$)"
    r"|(?:has|have|had)\s+(?:\w+\s+)?(?:been|become|grown|cleared|\w+ed)"
    r"|(?:was|were)(?!\s+(?:seen|identified|noted|demonstrated|detected)\b)"
    r"|patient'?s\s+(?:known\s+)?history|history\s+of)\b",
    re.IGNORECASE,
)


#: A clause that goes on about the subject of the one before: "stable heart size, moderately enlarged".
_PREDICATE_NEXT = re.compile(r"(?:but|mildly|moderately|severely|markedly|slightly|borderline|enlarged|normal)\b", re.I)
#: What is left when the statement of "given the rotation, heart size is stable" is taken out; a view that shows it.
_CIRCUMSTANCE = re.compile(
    r"^(?:given|considering|accounting|allowing|despite)\b[^,]*$|^.*\bviews?\b.*\b(?:show|demonstrate|reveal)s?\s+an?\s+"
    r"(?:stable|unchanged)\b",
    re.IGNORECASE,
)


def _is_empty_claim(text: str) -> bool:
    """Whether nothing is left but a neutral subject: "the mediastinal silhouette"."""
    return bool(_NEUTRAL.search(text)) and not _SAYS.search(text)


def _drop_neutral_clauses(sentence: str) -> str | None:
    """Without those comma clauses that say only that something neutral is steady; None where no clause is left."""
    steady = re.compile(rf"\b{_STEADY}\b", re.IGNORECASE)
    if not steady.search(sentence):
        return sentence
    clauses = re.split(r"(?<=\w),\s+", sentence.rstrip(" ."))
    kept = []
    for place, clause in enumerate(clauses):
        rest = re.sub(r"\b(?:is|are|appears?|there|the|in|and)\b", " ", steady.sub(" ", clause), flags=re.IGNORECASE)
        following = clauses[place + 1] if place + 1 < len(clauses) else ""
        if not steady.search(clause) or not _is_empty_claim(rest.strip() + " ") or _PREDICATE_NEXT.match(following):
            kept.append(clause)
    if not kept or _CIRCUMSTANCE.match(", ".join(kept)):
        return None
    return re.sub(r"^and\s+", "", ", ".join(kept), flags=re.IGNORECASE)


def _without_leading_neutral(match: re.Match[str]) -> str:
    return match[0] if _SAYS.search(match["neutral"]) else ""


def without_comparison(sentence: str) -> str | None:
    """What the sentence says of this film alone; None where that is nothing or cannot be told apart safely."""
    if _ONLY_CHANGE.search(sentence):
        return None
    for pattern, replacement in _PHRASES:
        sentence = pattern.sub(replacement, sentence)
    if _ONLY_CHANGE.search(sentence):
        return None
    left = _drop_neutral_clauses(sentence)
    if left is None:
        return None
    left = _LEADING_NEUTRAL.sub(_without_leading_neutral, left)
    predicate = _PREDICATE.search(left)
    if predicate and _is_empty_claim(re.split(r"[,;]", left[: predicate.start()])[-1]):
        return None
    left = _PREDICATE.sub(lambda m: ("are" if m[1].lower() in ("are", "appear") else "is") + " noted", left)
    left = _ADJECTIVE.sub("", _TRAILING.sub("", left))
    if _RESIDUE.search(left) or not re.search(r"[A-Za-z]{3}", left):
        return None
    return left
