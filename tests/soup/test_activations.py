"""Activations come back bit for bit, in the same strides, from memory and from a file without a name."""

from pathlib import Path

import pytest
import torch

from clipforget.soup.activations import Activations

VALUES = {
    "tokens": torch.randn(3, 5, 4),
    "map in channels_last": torch.randn(3, 4, 2, 6).contiguous(memory_format=torch.channels_last),
    "bfloat16": torch.randn(2, 7).to(torch.bfloat16),
    "columns": torch.randn(6, 4).T,
    "with gaps": torch.randn(4, 6)[:, ::2],
    "repeated": torch.randn(1, 4).expand(3, 4),
}


@pytest.mark.parametrize("disk", [True, False])
def test_they_come_back_as_they_were(disk: bool, tmp_path: Path) -> None:
    kept = Activations(tmp_path if disk else None, most=max(value.nbytes for value in VALUES.values()))
    for number, value in enumerate(VALUES.values()):
        assert torch.equal(kept.get(number, value.clone), value)
    for number, (name, value) in enumerate(VALUES.items()):
        found = kept.get(number, lambda: pytest.fail("it was made before"))
        assert torch.equal(found, value) and found.dtype == value.dtype
        assert found.stride() == value.stride() or name in ("with gaps", "repeated")
        found.zero_()
        assert torch.equal(kept.get(number, value.clone), value), "what is given is the caller's own"
    kept.close()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_no_silent_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.pwrite", lambda file, data, place: len(data) - 1)
    kept = Activations(tmp_path, 48)
    with pytest.raises(OSError, match="No space left"):
        kept.get(0, lambda: torch.ones(3, 4))
    kept.close()
