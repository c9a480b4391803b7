"""Penn Treebank tokens as the COCO caption code makes them, without Java.

``pycocoevalcap`` calls Stanford's ``PTBTokenizer`` (CoreNLP 3.4.1, ``-preserveLines -lowerCase``) and drops a list of
punctuation marks. This module makes the same tokens from rules of its own, found by observing what that program
answers: at each place the longest rule wins, the earlier one where two are equally long. Known oddities are kept,
since scores depend on them:

* brackets become ``-lrb-`` and stay, because the list names them in upper case;
* ``seen.The`` is one token, ``it's.The`` is not;
* an abbreviation keeps its full stop; a single letter loses it before a word that often begins a sentence, even
  where that word begins the next text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

__all__ = ["PUNCTUATION", "ptb_tokenize", "ptb_tokenize_all", "ptb_tokens"]


def _words(text: str) -> list[str]:
    return text.split()


#: What the COCO caption code drops after tokenising.
PUNCTUATION = frozenset(_words("'' ' `` ` -LRB- -RRB- -LCB- -RCB- . ? ! , : - -- ... ;"))

# ------------------------------------------------------------------------------------------------------ abbreviations

#: Abbreviations that keep their full stop in any case of letters.
_KEPT = _words(
    "adj adm adv al ala apr aug ave bhd brig calif cf cie co col conn corp cos cpl ct dak dec det dr drs ens esq est "
    "etc ext feb fla fri ft ga gen gov govs hon inc ind jan jos jr jul jun kan ky lt ltd maj mar md messrs mme mo mon "
    "mont mr mrs ms mt mtg neb nev nov oct penn pfc ph plc pres prof profs pvt rd rep reps rev rt sen sens sep sept "
    "seq sfc sgt spc sq sr st ste sys tel tenn thu thurs tue tues va vs vt wed wis wm wyo bros blvd dept univ assn "
    "lieut capt cmdr comdr supt supts elec natl intl alex atty attys msgr asst assoc insp mlle treas invt minn okla "
    "mich ariz wisc bancorp bldg colo kans"
)
#: Those that keep it only where they begin with a capital: the rest are words.
_KEPT_CAPITAL = _words("Ark Az Del Ill La Mass Miss Ore Pa Tex Wash")
_KEPT_LOWER_OR_TITLE = _words("mfg pte ptes pty ptys")
#: Those of the above that may begin a compound: ``St.-Jean``.
_JOINING = _words(
    "adj adm adv ave brig cf cie col cpl det dr drs ens ft gen gov govs hon jos lt lieut maj messrs mfg mme mr mrs ms "
    "mt mtg pfc ph pres prof profs pvt rep reps rev sen sens sfc sgt spc st ste vs wm capt cmdr comdr supt supts alex "
    "atty attys msgr asst assoc insp mlle treas natl elec invt dept"
)
#: Those that keep it only before a number.
_BEFORE_NUMBER = _words("art ca fig figs no nos op p pp prop")
#: Words that, with a capital, take the full stop from a single letter before them.
_STARTERS = _words(
    "A About According Additionally After An As At But Earlier He Her Here However If In It Last Many More Now Once "
    "One Other Our She Since So Some Such That The Their Then There These They This We What When While Yet You"
)

# -------------------------------------------------------------------------------------------------------------- rules

# What _prepare leaves of other scripts is letters, but for these: no-break space, apostrophe, hyphens, fractions.
_OTHER = r"\u0080-\u009f\u00a1-\u00bb\u00bf-\u200f\u2012-\u2018\u201a-\u2152\u2155-\uffff"
_LETTER = rf"[A-Za-z{_OTHER}]"
_ALNUM = rf"[A-Za-z0-9{_OTHER}]"
_APOSTROPHE = r"['\u2019]"
_HYPHEN = r"[-\u2010\u2011]"
_NUMBER = r"(?:\d*(?:[.:,]\d+)+|\d+)"
_PREFIX = rf"(?:[dDoOlL]{_APOSTROPHE}(?={_LETTER}))?"
_COMPOUND = rf"(?:(?:{_HYPHEN}|_){_PREFIX}{_ALNUM}+)"


def _any_case(words: Iterable[str]) -> str:
    return "|".join(
        sorted({form for w in words for form in (w, w.capitalize(), w.upper())}, key=lambda w: (-len(w), w))
    )


_ABBREVIATION = "|".join(
    [
        r"Ph\.D|Ed\.D",
        _any_case(_KEPT),
        "|".join(f for w in _KEPT_CAPITAL for f in (w, w.upper())),
        "|".join(f for w in _KEPT_LOWER_OR_TITLE for f in (w, w.capitalize())),
    ]
)
_ACRONYM = r"(?:[A-Za-z](?:\.[A-Za-z])+)"
_STARTER = rf"\s+(?:(?:{'|'.join(f for w in _STARTERS for f in (w, w.upper()))})\s|<)"

Action = Callable[[str], Sequence[str]]


def _whole(token: str) -> Sequence[str]:
    return (token,)


def _halves(at: int) -> Action:
    return lambda token: (token[:at], token[at:])


def _bracket(token: str) -> Sequence[str]:
    return ("".join(_BRACKETS.get(char, char) for char in token),)


_FRACTIONS = {"\u00bc": "1/4", "\u00bd": "1/2", "\u00be": "3/4", "\u2153": "1/3", "\u2154": "2/3"}
_BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
_RED = rf"{_APOSTROPHE}(?:[msdMSD]|re|ve|ll|RE|VE|LL|Re|Ve|Ll)(?!{_LETTER})"
_WORD = rf"{_LETTER}(?:{_ALNUM}|{_HYPHEN}(?={_ALNUM}))*"

#: (pattern, what becomes of the match). A lookahead counts towards the length, as in a scanner generator.
_RULES: list[tuple[re.Pattern[str], Action]] = [
    (re.compile(pattern), action)
    for pattern, action in (
        (r"<[!?]?/?[A-Za-z][^<>]*>", lambda token: (token.replace(" ", "\u00a0"),)),
        (r"(?i:cannot)(?![A-Za-z0-9])", _halves(3)),
        (r"(?i:gonna|gotta|lemme|gimme|wanna)(?![A-Za-z0-9])", _halves(3)),
        (r"(?i:'t(?:is|was))(?![A-Za-z0-9])", _halves(2)),
        (rf"{_LETTER}*?[A-MO-Za-mo-z](?=(?P<ahead>[nN]{_APOSTROPHE}[tT]))", _whole),
        (rf"[nN]{_APOSTROPHE}[tT](?!{_LETTER})", _whole),
        (rf"{_ALNUM}+(?=(?P<ahead>{_RED}))", _whole),
        (rf"{_RED}", _whole),
        (rf"{_APOSTROPHE}(?:[eE][mM](?!{_LETTER})|[nN]{_APOSTROPHE}|[nN](?!{_LETTER})|\d0[sS]|\d\d(?!\S))", _whole),
        (rf"[yY]{_APOSTROPHE}(?={_LETTER})", _whole),
        (rf"[dD]{_APOSTROPHE}(?:ye|you)(?!{_LETTER})", _whole),
        (rf"(?:[A-HJ-XZ]|[dljn]|o){_APOSTROPHE}{_LETTER}{{2,}}(?:{_COMPOUND})*", _whole),
        (rf"(?:{_ABBREVIATION})\.", _whole),
        (rf"(?:{_any_case(_JOINING)})\.(?:{_COMPOUND})+", _whole),
        (rf"(?:{_any_case(_BEFORE_NUMBER)})\.(?=(?P<ahead>\s*\d))", _whole),
        (rf"{_ACRONYM}\.?(?:{_COMPOUND})*", _whole),
        (rf"[A-Za-z](?=(?P<ahead>\.{_STARTER}))", _whole),
        (rf"[A-Za-z]\.(?:{_COMPOUND})*", _whole),
        (rf"{_PREFIX}{_ALNUM}+(?:{_COMPOUND})*", _whole),
        (rf"{_LETTER}o{_APOSTROPHE}{_LETTER}+", _whole),
        (rf"{_ALNUM}+(?:[.,]{_ALNUM}*)*(?:{_COMPOUND})+", _whole),
        (rf"{_NUMBER}(?:{_COMPOUND})+", _whole),
        (rf"(?:{_WORD}|\d+[A-Za-z]*)\.(?=(?P<ahead>[,:;]))", _whole),
        (rf"{_LETTER}{_ALNUM}*(?:[.!?]{_LETTER}{_ALNUM}*)+", _whole),
        (r"[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:\\?/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}", _whole),
        (r"[A-Z]+(?:[+&][A-Z]+)+", _whole),
        (rf"[-+]?{_NUMBER}", _whole),
        (r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}", _whole),
        (r"(?:\d{1,4}[- \u00a0])?\d{1,4}\\?/\d{1,4}", lambda token: (token.replace(" ", "\u00a0"),)),
        (
            r"(?:\(\d{2,3}\) ?|(?:\+\+?)?(?:\d{2,4}[- ])?\d{2,4}[- ])\d{3,4}[- ]?\d{3,5}",
            lambda token: (_bracket(token)[0].replace(" ", "\u00a0"),),
        ),
        (r"(?:https?|ftp)://[^\s\"<>|()]+", _whole),
        (r"(?:www\.)(?:[^\s\"<>|().!?,;:]+\.)+[A-Za-z]{2,4}(?:/[^\s\"<>|()]+)?", _whole),
        (r"[A-Za-z0-9_.+-]+@[A-Za-z0-9_.-]*[A-Za-z0-9]", _whole),
        (r"@[A-Za-z_][A-Za-z0-9_]*", _whole),
        (r"#[A-Za-z][A-Za-z0-9]*", _whole),
        (r"[CcFf]#", _whole),
        (r"(?:[A-Z]{1,2})\$", _whole),
        (r"[:;=][-o*']?[()DPdpO\\{@|\[\]](?![A-Za-z0-9])", _bracket),
        (r"\([-^x=~<>'][_.]?[-^x=~<>']\)", _bracket),
        (r"\.{3,}|\. \. \.", lambda token: ("...",)),
        (r"-{2,}", lambda token: ("--",)),
        (r"[?!]+|\*+|_+|#+|@+|<+|>+|''|``", _whole),
        (r"[()\[\]{}]", _bracket),
        (rf"{_APOSTROPHE}(?={_LETTER})", lambda token: ("`",)),
        (_APOSTROPHE, lambda token: ("'",)),
        (r"[\u00bc-\u00be\u2153\u2154]", lambda token: (_FRACTIONS[token],)),
        (r'"', lambda token: ("''",)),
        (r"[\u2010\u2011]", lambda token: ()),
        (r"[^ ]", _whole),
    )
]


def _scan(text: str, stop: int) -> list[str]:
    """Tokens of a prepared text that begin before ``stop``, in lower case, punctuation and all."""
    tokens: list[str] = []
    at = 0
    while at < stop:
        if text[at] in " \u00a0":
            at += 1
            continue
        best, length = None, 0
        action: Action = _whole
        for pattern, candidate in _RULES:
            match = pattern.match(text, at)
            if match is None:
                continue
            reach = match.end() - at + len(match.groupdict().get("ahead") or "")
            if reach > length:
                best, length, action = match, reach, candidate
        assert best is not None, "the last rule takes any character"
        tokens.extend(token.replace("\u2019", "'").lower() for token in action(best.group()) if token)
        at = best.end()
    return tokens


# -------------------------------------------------------------------------------------------------------- other scripts

_REPLACED = {
    "\u0080": " $ ", "\u20ac": " $ ", "\u00a4": " $ ", "\u20a0": " $ ", "\u00a2": " cents ", "\u00a3": " # ",
    "\u0091": " ` ", "\u2018": " ` ", "\u201b": " ` ", "\u2039": " ` ", "\u0092": "\u2019", "\u203a": " ' ",
    "\u0093": " `` ", "\u00ab": " `` ", "\u201c": " `` ", "\u0094": " '' ", "\u00bb": " '' ", "\u201d": " '' ",
    "\u0096": " -- ", "\u0097": " -- ", "\u2013": " -- ", "\u2014": " -- ", "\u2015": " -- ",
    "\u2026": " ... ", "\u2019": "\u2019", "\u2010": "\u2010", "\u2011": "\u2011", "\u00a0": "\u00a0",
    **{char: char for char in _FRACTIONS},
}  # fmt: skip
_SUPERSCRIPT = re.compile(r"[\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089]+")
_QUOTES = re.compile(r"[\u0091\u0093\u0094\u2018\u2019\u201b-\u201d\u2039\u203a\u00ab\u00bb]{2,}")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", ' " '), ("&apos;", "'"), ("&nbsp;", " "), ("&amp;", "&"))
_SYMBOLS = ((0x00A1, 0x0E4F), (0x1FBD, 0x1FBD), (0x2016, 0x2BFF), (0x3001, 0x3012), (0x30FB, 0x30FB), (0xFF01, 0xFFE6))


@lru_cache(maxsize=4096)
def _other(char: str) -> str:
    """What a character outside ASCII becomes before the rules see it."""
    known = _REPLACED.get(char)
    if known is not None:
        return known
    category = unicodedata.category(char)
    if ord(char) > 0xFFFF:
        return " "
    if category[0] == "L" or category in ("Nd", "Mn", "Mc"):
        return char
    if category[0] in "SP" or category == "No":
        return f" {char} " if any(low <= ord(char) <= high for low, high in _SYMBOLS) else " "
    return " "


def _prepare(text: str) -> str:
    """White space is one space; entities are decoded; symbols of other scripts stand alone."""
    if "&" in text:
        for entity, char in _ENTITIES:
            text = text.replace(entity, char)
    if not text.isascii():
        text = re.sub(r"(?<=[A-Za-z])\u00ad|\u00ad(?=[A-Za-z0-9])", "", text).replace("\u00ad", " - ")
        text = _QUOTES.sub(lambda run: f" {''.join(_REPLACED[c].strip() for c in run.group())} ", text)
        text = _SUPERSCRIPT.sub(lambda run: f" {run.group()} ", text)
        text = "".join(
            char if char.isascii() or _SUPERSCRIPT.match(char) else _other(char) for char in text.replace("\ufeff", " ")
        )
    return re.sub(r"[\x00-\x20\x7f]+", " ", text).strip(" ")


# ----------------------------------------------------------------------------------------------------------- the way in

#: Tokens that reach across a space; a text with one is scanned as a whole.
_ACROSS = re.compile(r"\d[ \u00a0]\(?\d|\(\d{2,3}\) \d|<[!?/]?[A-Za-z]|\. \. \.")
_STARTER_WORDS = frozenset(form for word in _STARTERS for form in (word, word.upper()))


def _following(word: str) -> str:
    """All that the rules can see of the word after: whether it is a number, begins a sentence, or neither."""
    if word[:1].isdigit():
        return " 5"
    return " The " if word in _STARTER_WORDS or word[:1] == "<" else " a"


@lru_cache(maxsize=262_144)
def _chunk(chunk: str, following: str) -> str:
    """What a piece between two spaces becomes, without punctuation; tokens parted by spaces."""
    if len(chunk) == 1 and not chunk.isascii() and chunk not in _FRACTIONS:
        return _lonely(chunk)
    return _kept(_scan(chunk + following, len(chunk)))


def _lonely(char: str) -> str:
    """A character that ``_prepare`` set apart, or a letter of another script."""
    return {"\u2010": "", "\u2011": "", "\u2019": ""}.get(char, char.lower())


def _kept(tokens: Sequence[str]) -> str:
    return " ".join(token for token in tokens if token not in PUNCTUATION)


def ptb_tokens(text: str) -> list[str]:
    """All tokens of a text in lower case, punctuation included."""
    prepared = _prepare(text)
    return _scan(prepared, len(prepared))


def ptb_tokenize(text: str, following: str = "") -> str:
    """The tokens of a text without punctuation, parted by single spaces; lower case.

    Args:
        text: any string; line breaks count as spaces.
        following: the text after it, if any: its first word can decide about a full stop at the end of this one.
    """
    prepared = _prepare(text)
    words = prepared.split(" ")
    after = (following.split(None, 1) or [""])[0]
    if _ACROSS.search(prepared):
        return _kept(_scan(prepared + _following(after), len(prepared)))
    if len(prepared) != sum(map(len, words)) + len(words) - 1 or "\u00a0" in prepared:
        return _kept(_scan(prepared + _following(after), len(prepared)))
    pieces = []
    for word, successor in zip(words, [*words[1:], after]):
        if word.isascii() and word.isalpha() and len(word) > 6:  # no rule splits a plain long word
            pieces.append(word.lower())
        else:
            piece = _chunk(word, _following(successor))
            if piece:
                pieces.append(piece)
    return " ".join(pieces)


def ptb_tokenize_all(texts: Sequence[str], progress: Callable[[int], None] | None = None) -> list[str]:
    """``ptb_tokenize`` of each text, each seeing the next that is not blank."""
    result = []
    following = ""
    for text in reversed(texts):
        result.append(ptb_tokenize(text, following))
        if text and not text.isspace():
            following = text
        if progress is not None:
            progress(1)
    result.reverse()
    return result
