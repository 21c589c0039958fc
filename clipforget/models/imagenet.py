"""The classes of ImageNet: their wnids as timm has them, and the names by which open_clip tells CLIP about them."""

from __future__ import annotations

from collections import Counter


def class_names() -> dict[str, str]:
    """Return the 1000 wnids (ILSVRC 2012), sorted, with a name each that is fit for a folder.

    The names are OpenAI's, as open_clip has them; where two classes bear the same one, WordNet's first tells them
    apart (missile and projectile), and a "/" becomes " or ".
    """
    from open_clip import IMAGENET_CLASSNAMES
    from timm.data.imagenet_info import ImageNetInfo

    info, uses = ImageNetInfo(), Counter(IMAGENET_CLASSNAMES)
    names = {}
    for index, name in enumerate(IMAGENET_CLASSNAMES):
        own = name if uses[name] == 1 else info.index_to_description(index).split(",")[0]
        names[info.index_to_label_name(index)] = " or ".join(part.strip() for part in own.split("/"))
    return names
