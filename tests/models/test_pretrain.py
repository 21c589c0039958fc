"""A short training lowers the loss and writes a loadable folder; the shipped model keeps its card's word."""

import random
import re

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from clipforget.data import sketchbook
from clipforget.data.catalogue import load_dataset
from clipforget.errors import BadModel, BadSetting, UnknownName
from clipforget.files import ASSETS
from clipforget.models.loading import load_clip
from clipforget.models.pretrain import training
from clipforget.models.pretrain.captions import Caption, an, every_text, plural, write_captions
from clipforget.models.pretrain.card import tokenizer
from clipforget.models.pretrain.evaluate import accuracies
from clipforget.models.pretrain.images import CELLS, draw_round
from clipforget.models.pretrain.settings import PretrainSettings
from clipforget.models.pretrain.training import contrastive, pretrain, relation, truth
from clipforget.models.sources import EMBEDDED


@pytest.fixture
def flat_colours(monkeypatch):
    """Instead of drawings, which take time: a colour for each cell, which the seed shifts a little."""

    def draw(superclass, subgroup, style, seed, *, shifted_set=None, size=96):
        colour = np.random.default_rng(CELLS.index((superclass, subgroup, style))).integers(20, 235, 3)
        return Image.new("RGB", (size, size), tuple(int(c) for c in colour + seed % 20))

    monkeypatch.setattr(sketchbook, "draw", draw)


def test_a_short_training_lowers_the_loss_and_writes_a_loadable_folder(flat_colours, tmp_path):
    out = tmp_path / "tiny"
    settings = PretrainSettings(
        images=2, word_steps=10, steps=20, batch_size=32, test_images=1, threads=1, ema_decay=0.9
    )
    records = list(pretrain(settings, out))
    assert [r.stage for r in records if r.step == r.total] == ["draw", "words", "train", "evaluate"]
    for stage in ("words", "train"):
        losses = [record.loss for record in records if record.stage == stage]
        assert losses[-1] < losses[0]
    assert sorted(file.name for file in out.iterdir()) == [
        "README.md", "open_clip_config.json", "open_clip_model.safetensors",
    ]  # fmt: skip
    clip = load_clip(str(out))
    assert clip.fingerprint() in (out / "README.md").read_text()
    figures = records[-1].accuracies
    assert all(0 <= value <= 1 for value in figures.values()) and "subgroup, test" in figures
    unused = tokenizer()(["zebra"])[0, 1]
    assert clip.model.token_embedding.weight[unused].abs().max() == 0


@pytest.mark.parametrize("word", [False, True])
def test_training_without_a_subgroup_never_meets_its_images_nor_if_asked_its_name(
    flat_colours, tmp_path, monkeypatch, word
):
    met: dict[str, list] = {}
    for without in ("", "airplane/biplane"):
        seen = met[without] = []
        monkeypatch.setattr(training, "augment", lambda pixels, seen=seen: seen.append(pixels) or _plain(pixels))
        monkeypatch.setattr(training, "write_captions", _spy(write_captions, seen))
        settings = PretrainSettings(
            images=1,
            word_steps=1,
            steps=2,
            batch_size=128,
            test_images=1,
            without=without,
            without_word=word and without,
        )
        list(pretrain(settings, tmp_path / "model"))
    texts = [[text for part in seen if isinstance(part, list) for text in part] for seen in met.values()]
    pictures = [torch.cat([part for part in seen if isinstance(part, torch.Tensor)]) for seen in met.values()]
    kept = ~(pictures[0].flatten(1)[:, None] == _biplanes().flatten(1)).all(2).any(1)
    assert kept.sum() == len(pictures[0]) - 2 * len(sketchbook.STYLES)
    assert torch.equal(pictures[0][kept], pictures[1])
    unnamed = [text for text in texts[0] if "biplane" not in text]
    assert texts[1] == (unnamed if word else texts[0]) and len(unnamed) < len(texts[0])
    card = (tmp_path / "model" / "README.md").read_text()
    assert "--without airplane/biplane" in card and "124 images" in card and ("--without-word" in card) == word
    token = tokenizer()(["biplane"])[0, 1]
    assert (load_clip(str(tmp_path / "model")).model.token_embedding.weight[token].abs().max() == 0) == word


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        (PretrainSettings(without="airplane/biplan"), UnknownName, "Did you mean 'airplane/biplane'"),
        (PretrainSettings(without_word=True), BadSetting, "name it with --without"),
    ],
)
def test_what_cannot_be_left_out_is_refused_before_the_work(tmp_path, settings, error, sentence):
    with pytest.raises(error, match=sentence):
        next(pretrain(settings, tmp_path / "model"))
    assert not (tmp_path / "model").exists()


def _plain(pixels):
    return training.normalise(pixels.permute(0, 3, 1, 2).float().div(255))


def _biplanes():
    biplanes = [number for number, cell in enumerate(CELLS) if cell[1] == "biplane"]
    return torch.from_numpy(draw_round("train", 0, 64)[biplanes])


def _spy(write, seen):
    def write_and_note(*args):
        captions = write(*args)
        seen.append([caption.text for caption in captions])
        return captions

    return write_and_note


def test_closing_the_generator_leaves_the_folder_as_it_was(flat_colours, tmp_path):
    out = tmp_path / "tiny"
    out.mkdir()
    (out / "kept").touch()
    records = pretrain(PretrainSettings(images=1, word_steps=2, steps=2, batch_size=8, test_images=1, threads=1), out)
    while next(records).stage != "evaluate":
        pass
    records.close()
    assert [file.name for file in out.iterdir()] == ["kept"]


def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadModel, match="Cannot write the model to"):
        next(pretrain(PretrainSettings(), tmp_path / "file" / "tiny"))


def test_drawings_are_kept_and_read_again(flat_colours, tmp_path, monkeypatch):
    first = draw_round("train", 3, 64, str(tmp_path))
    assert first.shape == (len(CELLS), 64, 64, 3) and first.dtype == np.uint8
    monkeypatch.setattr(sketchbook, "draw", None)
    assert np.array_equal(draw_round("train", 3, 64, str(tmp_path)), first)


def test_captions_are_true_of_what_they_claim():
    rng = random.Random(0)
    names = {name for cell in CELLS for name in cell}
    for _ in range(50):
        captions = write_captions(CELLS, rng)
        assert all("{" not in caption.text and caption.text == caption.text.strip() for caption in captions)
        true = truth(captions)
        assert true.shape == (len(CELLS), len(captions)) and true.any(0).all()
        for caption in captions:
            named = {name for name in names if re.search(rf"\b{re.escape(name)}\b", caption.text)}
            claims = {caption.superclass, caption.subgroup, caption.style}
            assert not {n for n in named if not any(n in (c or "") for c in claims)} - {"tree", "ship", "rose"}, caption


def test_no_caption_uses_a_word_outside_every_text():
    rng = random.Random(1)
    known = set(tokenizer()(every_text()).flatten().tolist())
    for _ in range(100):
        texts = [caption.text for caption in write_captions(CELLS, rng)]
        assert set(tokenizer()(texts).flatten().tolist()) <= known, texts


def test_captions_fit_the_context():
    tokens = tokenizer()
    rng = random.Random(0)
    longest = max(len(tokens.encode(caption.text)) for _ in range(50) for caption in write_captions(CELLS, rng))
    assert longest + 2 <= tokens.context_length


@pytest.mark.parametrize(
    ("name", "article", "many"),
    [("owl", "an owl", "owls"), ("daisy", "a daisy", "daisies"), ("clownfish", "a clownfish", "clownfish")],
)
def test_articles_and_plurals(name, article, many):
    assert (an(name), plural(name)) == (article, many)


def test_relation_of_captions():
    owl, again = Caption("owl", "bird", "owl"), Caption("an owl", "bird", "owl")
    bird, poster = Caption("bird", "bird"), Caption("poster", style="poster")
    same, implied = relation(truth([owl]).float(), truth([again, bird, poster]).float())
    assert same.tolist() == [[True, False, False]]
    assert implied.tolist() == [[False, True, False]]


def test_the_loss_is_clips_own_where_one_caption_is_true_and_ignores_other_true_ones():
    generator = torch.Generator().manual_seed(0)
    images, texts = (F.normalize(torch.randn(6, 8, generator=generator), dim=-1) for _ in range(2))
    logits, labels, one = 10 * images @ texts.T, torch.arange(6), torch.eye(6, dtype=torch.bool)
    scale = torch.tensor(10.0)
    expected = float(F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    assert float(contrastive(images, texts, one, scale)) == pytest.approx(expected, abs=1e-5)
    assert float(contrastive(3 * images, texts, one, scale)) == pytest.approx(expected, abs=1e-5)


def test_another_true_caption_is_no_rival():
    images, scale = torch.eye(4)[:2], torch.tensor(10.0)
    texts = torch.eye(4)[[0, 0, 1]]
    apart = contrastive(images, texts, torch.tensor([[True, True, False], [False, False, True]]), scale)
    rival = contrastive(images, texts, torch.tensor([[True, False, False], [False, False, True]]), scale)
    assert float(apart) < 1e-3 < float(rival)


@pytest.mark.skipif(
    not (EMBEDDED["clipforget-tiny"] / "README.md").is_file() or not (ASSETS / "sketchbook.tar").is_file(),
    reason="the embedded model or image set is not there",
)
def test_the_shipped_model_keeps_the_word_of_its_card_on_shipped_pictures():
    card = (EMBEDDED["clipforget-tiny"] / "README.md").read_text()
    clip, dataset = load_clip("clipforget-tiny"), load_dataset("sketchbook")
    assert clip.fingerprint() in card
    items = dataset.of("test")[::5]
    features = clip.embed(clip.preprocess(dataset.open(item) for item in items))
    found = accuracies(clip, features, [(item.superclass, item.subgroup, item.style) for item in items])
    for kind, least in (("superclass", 0.93), ("subgroup", 0.85), ("style", 0.93)):
        promised = float(re.search(rf"\| {kind}, test \| ([\d.]+)%", card)[1]) / 100
        assert found[kind] == pytest.approx(promised, abs=0.05) and found[kind] >= least, kind
    assert sum(file.stat().st_size for file in EMBEDDED["clipforget-tiny"].iterdir()) <= 16e6
