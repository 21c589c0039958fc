"""The list of models: facts compared with what open_clip builds, search, names that are refused."""

from functools import partial

import huggingface_hub
import open_clip
import pytest

from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import read_rows
from clipforget.errors import BadModel
from clipforget.models import listing
from clipforget.models.architectures import describe_architecture, licences
from clipforget.models.listing import check_model_name, describe_model, list_models, search
from clipforget.runs.config import RunConfig


def names(query: str) -> list[str]:
    return [model.name for model in search(list_models(), query)]


@pytest.mark.parametrize("name", ["RN50", "ViT-S-32-alt", "MobileCLIP2-S0", "roberta-ViT-B-32"])
def test_facts_are_those_of_the_installed_architecture(name):
    assert listing.facts()["architectures"][name] == describe_architecture(name)


def test_every_architecture_and_tag_of_open_clip_is_listed():
    listed = {model.name for model in list_models()}
    assert set(listing.facts()["architectures"]) == set(open_clip.list_models())
    assert set(listing.model_configs()) == set(open_clip.list_models())
    missing = [f"{name}/{tag}" for name, tag in open_clip.list_pretrained() if f"{name}/{tag}" not in listed]
    # of two architectures that differ in QuickGELU alone the one that fits the weights is listed
    assert missing and all(
        {f"{name}-quickgelu/{tag}", f"{name.removesuffix('-quickgelu')}/{tag}"} & listed
        for name, _, tag in (text.partition("/") for text in missing)
    )
    for text in missing:
        assert check_model_name(text) == text
    bare = [name for name in open_clip.list_models() if not open_clip.list_pretrained_tags_by_model(name)]
    assert {f"{name}/" for name in bare} <= listed


def test_licences_are_those_that_timm_states():
    stated = licences()
    assert stated == listing.facts()["licences"]
    assert stated["MobileCLIP2-S0/dfndr2b"] == "apple-amlr" and "ViT-B-32-quickgelu/openai" not in stated


def test_search_takes_words_in_any_spelling():
    assert names("vit b 32 openai") == ["ViT-B-32-quickgelu/openai"]
    assert names("MobileCLIP2") and all(name.startswith("MobileCLIP2-") for name in names("MobileCLIP2"))
    assert names("vitb32 laion2b")[0] == "ViT-B-32/laion2b_e16"
    assert names("siglip2 b 16 256") == ["ViT-B-16-SigLIP2-256/webli"]
    assert names("")[0] == "clipforget-tiny" and not names("no such model")


def test_what_is_on_disk_comes_first_and_needs_no_download(tmp_path, monkeypatch):
    published = describe_model("ViT-B-32-quickgelu/openai")
    assert not published.on_disk
    weights = published.image_parameters + published.text_parameters
    assert published.download == 4 * weights and published.memory > 2 * published.download
    repository = tmp_path / "models--timm--vit_base_patch32_clip_224.openai"
    for file in ("refs/main", "snapshots/abc/open_clip_model.safetensors"):
        (repository / file).parent.mkdir(parents=True)
        (repository / file).write_text("abc")
    cached = partial(huggingface_hub.try_to_load_from_cache, cache_dir=tmp_path)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", cached)
    assert names("")[:2] == ["clipforget-tiny", "ViT-B-32-quickgelu/openai"]
    assert describe_model("ViT-B-32-quickgelu/openai").download == 0


def test_a_folder_tells_its_towers_from_the_headers_of_its_files(world):
    model = describe_model(world.clip)
    built = open_clip.create_model(f"local-dir:{world.clip}")
    assert model.kind == "folder" and model.on_disk and model.norm == "batch"
    assert model.image_parameters == sum(weight.numel() for weight in built.visual.parameters())
    assert model.image_parameters + model.text_parameters == sum(weight.numel() for weight in built.parameters())
    assert model.image_size == built.visual.image_size


@pytest.mark.parametrize(
    "name, near",
    [("vit b 32 openai", "ViT-B-32-quickgelu/openai"), ("ViT-B-32/opnai", "ViT-B-32-quickgelu/openai"),
     ("clipforget-tyni", "clipforget-tiny"), ("RN50", "RN50-quickgelu/openai"), ("nonsense", ""), ("", "")],
)  # fmt: skip
def test_a_name_that_leads_nowhere_is_refused_with_the_nearest(name, near):
    with pytest.raises(BadModel, match="There is no model") as refused:
        RunConfig(model=name, forget=("airplane/biplane",)).checked()
    assert near in str(refused.value)
    with pytest.raises(BadModel):
        ComparisonPlan(read_rows(["anchored"]), (("airplane/biplane",),), model=name).checked()


def test_a_path_that_is_not_there_is_refused(tmp_path):
    for name in (str(tmp_path / "no"), "./no-such", "ViT-B-32/./no-such.pt"):
        with pytest.raises(BadModel, match="There is no"):
            check_model_name(name)
    (tmp_path / "weights.pt").touch()
    assert check_model_name(f"ViT-B-32/{tmp_path}/weights.pt") and check_model_name(f"local-dir:{tmp_path}") == str(
        tmp_path
    )
    assert check_model_name(f"ViT-B-32/{tmp_path}/weights.pt:openai")
    assert check_model_name("hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K")
