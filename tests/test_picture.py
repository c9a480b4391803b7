import numpy as np

from wetread.ground import HeatMap
from wetread.picture import _COLOURS, evidence_picture
from wetread.types import LABELS, Draft, Evidence, Finding, ModelInfo, Sentence, Study, View


def test_sentences_with_the_same_place_both_have_their_number_on_it() -> None:
    view = View("a.png", np.zeros((800, 800), np.float32))
    box = (200, 200, 600, 600)
    texts = "There is a pulmonary opacity.", "There is a pulmonary nodule."
    sentences = tuple(Sentence("findings", text, (), 0.9, (Evidence(0, box, "seen"),)) for text in texts)
    heat = tuple((HeatMap(0, np.zeros((28, 28), np.float32), "seen"),) for _ in texts)
    labels = {name: Finding(0.1, 0.3, 0.5, "negative") for name in LABELS}
    draft = Draft("s", ModelInfo("m", "1", ""), ({},), " ".join(texts), "", sentences, labels)
    picture = np.asarray(evidence_picture(Study("s", (view,)), draft, heat, 800))
    film = picture[:800, :800]
    for colour in _COLOURS[:2]:
        own = (film == np.array(colour, np.uint8)).all(-1)
        assert own.sum() > 200, "its number can be seen"
