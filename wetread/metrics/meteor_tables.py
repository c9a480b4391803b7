"""The tables that METEOR 1.5 works with, read from a copy that the user has.

They are not ours to ship (the program is LGPL; the synonyms are WordNet's), and the paraphrase table is 60 MB. Two
files are needed: ``meteor-1.5.jar``, for its function words, nonbreaking prefixes and synonyms, and
``paraphrase-en.gz``. They are taken from a folder that the user names, from ``WETREAD_METEOR``, or from an installed
``pycocoevalcap``, whose code is not run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress
from pathlib import Path

from wetread.metrics.cache import read_cache, write_cache
from wetread.metrics.measure import MetricUnavailable

__all__ = ["MeteorFiles", "MeteorLists", "Synonyms", "find_files", "load_lists", "load_paraphrases"]

ENVIRONMENT = "WETREAD_METEOR"
JAR = "meteor-1.5.jar"
PARAPHRASES = "paraphrase-en.gz"
_REMEDY = (
    f"give the folder of METEOR 1.5 with --meteor or {ENVIRONMENT} ({JAR} and data/{PARAPHRASES}), "
    "or 'pip install pycocoevalcap', which holds both"
)
_CHUNK = 1 << 20

#: Endings of inflected words and what stands for them in the base form: WordNet's rules of detachment (morphy(7WN)).
_DETACHMENT = (
    *(("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("men", "man")),
    *(("ies", "y"), ("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e")),
    *(("ing", ""), ("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
)

Phrase = tuple[str, ...]
#: Phrase → (phrase that may stand for it → its places in the file).
Table = dict[Phrase, dict[Phrase, tuple[int, ...]]]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class MeteorFiles:
    """Where the two files are."""

    jar: Path
    paraphrases: Path


def _installed() -> Path | None:
    """The folder of METEOR in an installed pycocoevalcap, found without importing it."""
    try:
        spec = importlib.util.find_spec("pycocoevalcap")
    except (ImportError, ValueError):
        return None
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(places[0]) / "meteor" if places else None


def find_files(folder: str | Path | None = None) -> MeteorFiles:
    """The files in ``folder``, else where WETREAD_METEOR says, else in an installed pycocoevalcap.

    Raises:
        MetricUnavailable: they are not there; says what is missing and how to get it.
    """
    named = folder or os.environ.get(ENVIRONMENT)
    base = Path(named) if named else _installed()
    if base is None:
        raise MetricUnavailable(f"METEOR needs its tables, which are not here: {_REMEDY}")
    jar = base / JAR
    paraphrases = next(
        (path for path in (base / "data" / PARAPHRASES, base / PARAPHRASES) if path.is_file()), base / PARAPHRASES
    )
    missing = [path.name for path in (jar, paraphrases) if not path.is_file()]
    if missing:
        raise MetricUnavailable(f"METEOR lacks {' and '.join(missing)} in {base}: {_REMEDY}")
    return MeteorFiles(jar, paraphrases)


@dataclass
class MeteorLists:
    """The small tables: words that count less, abbreviations, and WordNet as METEOR packs it.

    Attributes:
        function_words: words that count a third of others.
        nonbreaking: abbreviations that keep their full stop; the value says whether only before a number.
        numbers: word → the numbers of its synsets, parted by spaces.
        bases: inflected form → base forms, where the rules of detachment do not tell them.
    """

    function_words: frozenset[str]
    nonbreaking: Mapping[str, bool]

    numbers: Mapping[str, str]
    bases: Mapping[str, list[str]]
    _known: dict[str, frozenset[str]] = field(default_factory=dict)

    def _own(self, word: str) -> list[str]:
        return self.numbers.get(word, "").split()

    def _base(self, word: str) -> str:
        if len(word) <= 2 or word.endswith("ss"):
            return word
        tail = "ful" if word.endswith("ful") else ""
        for ending, instead in _DETACHMENT:
            if word.endswith(ending):
                base = word[: len(word) - len(ending)] + instead
                if base in self.numbers:
                    return base + tail
        return word

    def synsets(self, word: str) -> frozenset[str]:
        """The synsets of a word and of its base forms."""
        known = self._known.get(word)
        if known is None:
            bases = self.bases.get(word)
            others = bases if bases is not None else [self._base(word)]
            known = frozenset(self._own(word)).union(*(self._own(base) for base in others))
            self._known[word] = known
        return known


@dataclass
class Synonyms:
    """Which words of a vocabulary share a synset."""

    lists: MeteorLists
    vocabulary: Collection[str]
    _known: dict[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def _members(self) -> dict[str, list[str]]:
        members: dict[str, list[str]] = {}
        for word in self.vocabulary:
            for synset in self.lists.synsets(word):
                members.setdefault(synset, []).append(word)
        return members

    def of(self, word: str) -> frozenset[str]:
        """The words of the vocabulary, other than ``word``, that share a synset with it."""
        known = self._known.get(word)
        if known is None:
            members = self._members
            known = frozenset(w for s in self.lists.synsets(word) for w in members.get(s, ()) if w != word)
            self._known[word] = known
        return known


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    lines = text.split("\n")
    return zip((line.rstrip("\r") for line in lines[::2]), (line.rstrip("\r") for line in lines[1::2]))


def _read_nonbreaking(text: str) -> dict[str, bool]:
    prefixes = {}
    for line in text.splitlines():
        words = line.split()
        if words and not words[0].startswith("#"):
            prefixes[words[0]] = "#NUMERIC_ONLY#" in words[1:]
    return prefixes


def _entries(path: Path) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Blocks of the paraphrase table: (phrases, what may stand for each)."""
    unpack = zlib.decompressobj(wbits=31)
    rest = b""
    with path.open("rb") as packed:
        while block := packed.read(_CHUNK):
            lines = (rest + unpack.decompress(block)).split(b"\n")
            whole = (len(lines) - 1) // 3 * 3
            rest = b"\n".join(lines[whole:])
            yield lines[1:whole:3], lines[2:whole:3]
    lines = (rest + unpack.flush()).split(b"\n")
    whole = len(lines) // 3 * 3
    yield lines[1:whole:3], lines[2:whole:3]


#: The table that was read last, with its vocabulary: the sections of one report share it.
_recent: dict[Path, tuple[frozenset[str], Table]] = {}
#: A selection for more words than these is not kept on disk.
_KEEP = 30_000


def load_paraphrases(files: MeteorFiles, vocabulary: Iterable[str], progress: Progress | None = None) -> Table:
    """At least the entries whose words are all in the vocabulary, since no other can ever match.

    What is selected is kept in the user's cache, with the words of earlier runs: reading 60 MB takes seconds.

    Returns:
        phrase → (phrase that may stand for it → its places in the table).

    Raises:
        MetricUnavailable: the file is damaged.
    """
    words = frozenset(vocabulary)
    recent = _recent.get(files.paraphrases)
    if recent is not None and words <= recent[0]:
        return recent[1]
    kept = _read_kept(files.paraphrases)
    if kept is None or not words <= kept[0]:
        more = kept[0] if kept is not None and len(kept[0]) + len(words) <= _KEEP else frozenset()
        kept = words | more, _select(files.paraphrases, words | more, progress)
        if len(kept[0]) <= _KEEP:
            _write_kept(files.paraphrases, *kept)
    _recent.clear()
    _recent[files.paraphrases] = kept
    return kept[1]


def _select(path: Path, words: frozenset[str], progress: Progress | None) -> Table:
    """Read the whole file and keep the entries that the words cover."""
    covers = {word.encode() for word in words}.issuperset
    table: Table = {}
    place = 0
    try:
        for phrases, others in _entries(path):
            for phrase, other in compress(zip(phrases, others), map(covers, map(bytes.split, phrases))):
                instead = other.split()
                if covers(instead):
                    row = table.setdefault(tuple(phrase.decode().split()), {})
                    value = tuple(word.decode() for word in instead)
                    row[value] = (*row.get(value, ()), place)
                    place += 1
            if progress is not None:
                progress(1)
    except (OSError, zlib.error) as error:
        raise MetricUnavailable(f"METEOR's table {path} is damaged ({error}): {_REMEDY}") from error
    return table


def _place(path: Path) -> str:
    """Where the cache keeps what was selected from this file as it is now."""
    try:
        state = path.stat()
    except OSError as error:
        raise MetricUnavailable(f"METEOR's table {path} cannot be read: {_REMEDY}") from error
    key = f"{path.resolve()}\t{state.st_size}\t{state.st_mtime_ns}"
    return f"meteor/{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"


def _read_kept(path: Path) -> tuple[frozenset[str], Table] | None:
    """The vocabulary and the entries of earlier runs; None where there are none."""
    value = read_cache(_place(path))
    try:
        table = {
            tuple(phrase.split()): {tuple(other.split()): tuple(places) for other, places in row.items()}
            for phrase, row in value["table"].items()
        }
        return frozenset(value["vocabulary"]), table
    except (KeyError, TypeError, AttributeError):
        return None


def _write_kept(path: Path, words: frozenset[str], table: Table) -> None:
    rows = {" ".join(p): {" ".join(o): list(at) for o, at in row.items()} for p, row in table.items()}
    write_cache(_place(path), {"vocabulary": sorted(words), "table": rows})


def load_lists(files: MeteorFiles) -> MeteorLists:
    """Read the small tables.

    Raises:
        MetricUnavailable: the file is damaged or not what its name says.
    """
    try:
        with zipfile.ZipFile(files.jar) as jar:

            def read(name: str) -> str:
                return jar.read(name).decode("utf-8")

            bases: dict[str, list[str]] = {}
            for base, forms in _pairs(read("synonym/english.exceptions")):
                for form in forms.split():
                    bases.setdefault(form, []).append(base)
            return MeteorLists(
                function_words=frozenset(line.rstrip("\r") for line in read("function/english.words").split("\n")),
                nonbreaking=_read_nonbreaking(read("nonbreaking/english.prefixes")),
                numbers=dict(_pairs(read("synonym/english.synsets"))),
                bases=bases,
            )
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError, UnicodeDecodeError) as error:
        raise MetricUnavailable(f"METEOR's {files.jar} is damaged ({error}): {_REMEDY}") from error
