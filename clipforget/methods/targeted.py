"""Targeted forgetting: find the layers that hold a subgroup, forget it there, remind the rest.

Source: Targeted Forgetting of Image Subgroups in CLIP Models (arXiv 2506.03117): relative Fisher selection, LoRA on the
chosen layers, lowering the cosine with the coarse caption, reminding with aligned siblings and an average. No official
code exists and the public text lost its formulas, so k, rank and rates are inferred. What is ours says so in its help;
`PAPER` switches all of it off.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from clipforget.methods import Step, Task, method
from clipforget.settings import option

if TYPE_CHECKING:
    import torch
    from torch import Tensor

SOURCE = "Targeted Forgetting of Image Subgroups in CLIP Models, arXiv 2506.03117"
MODES = ("margin", "hinge", "paper")
PRECISIONS = ("auto", "float32", "bfloat16")
PROBE = 64  # images that c0 and recorded statistics are read from, and at most as many for each progress figure
PENALTY = 3.0  # what a share of forget images too many counts against a share of siblings, when states are compared
FULLEST, LEAST = 2.0, 0.25  # bounds of the balancing factor


@dataclass(frozen=True)
class TargetedSettings:
    """Settings of the three stages; weights multiply losses in logit units (cosines times the model's logit scale)."""

    forget_steps: int = option(100, "Steps of the Forget stage", low=1, high=2000)
    remind_steps: int = option(
        10, "Steps T of the Remind stage; the paper uses 10 and breaks down past 20", low=0, high=200
    )
    layers: int = option(5, "Layers to adapt: the k with the highest relative Fisher information", low=1, high=64)
    rank: int = option(8, "Rank of the low-rank update of each layer", low=1, high=128)
    mode: str = option(
        "margin",
        "What forgetting aims at: paper lowers the cosine without bound; hinge stops at the cosine of mismatched pairs "
        "(ours); margin stops once another caption wins (ours)",
        choices=MODES,
    )
    retain_weight: float = option(
        0.7, "Weight of siblings kept right while forgetting (ours; paper: 0)", low=0.0, high=100.0
    )
    keep_weight: float = option(
        2.0, "Weight of other images' features kept in place (ours; paper: 0)", low=0.0, high=100.0
    )
    tolerance: float = option(
        0.05, "Forget accuracy on validation that counts as forgotten where chance is lower", low=0.0, high=1.0
    )
    balance: bool = option(
        True, "Raise or lower the forget weight as validation asks, and keep the best state seen (ours; paper: off)"
    )
    forget_rate: float = option(2e-3, "Learning rate of the Forget stage (Adam)", low=1e-7, high=1.0, advanced=True)
    remind_rate: float = option(5e-4, "Learning rate of the Remind stage (Adam)", low=1e-7, high=1.0, advanced=True)
    margin: float = option(
        0.3, "Margin, in cosine, by which another caption must win (mode margin)", low=0.0, high=2.0, advanced=True
    )
    hold_weight: float = option(
        1.0, "Weight of the forget loss while reminding (ours; paper: 0)", low=0.0, high=100.0, advanced=True
    )
    ema_decay: float = option(
        0.7,
        "Decay of the average in Remind; after T steps the original keeps decay^T",
        low=0.0,
        high=0.999,
        advanced=True,
    )
    align_steps: int = option(
        3, "Adam steps that align a reminder with the original's statistics", low=0, high=50, advanced=True
    )
    align_bound: float = option(
        0.05, "Largest change of a normalised pixel while aligning", low=0.0, high=1.0, advanced=True
    )
    fisher_samples: int = option(
        24, "Images of each kind the Fisher information is read from", low=1, high=1000, advanced=True
    )
    batch: int = option(16, "Images of each kind in a step", low=1, high=512, advanced=True)
    augment: float = option(
        0.3, "Strength of random mirror, zoom and shift (ours; paper: 0)", low=0.0, high=1.0, advanced=True
    )
    check_every: int = option(5, "Steps between two looks at validation", low=1, high=1000, advanced=True)
    precision: str = option(
        "auto", "Arithmetic of training: auto measures what is faster here", choices=PRECISIONS, advanced=True
    )


PAPER: dict[str, Any] = {
    "mode": "paper", "retain_weight": 0.0, "keep_weight": 0.0, "balance": False, "hold_weight": 0.0, "augment": 0.0,
}  # fmt: skip


@method("targeted", TargetedSettings, title="Targeted forgetting", source=SOURCE, stages=("select", "forget", "remind"))
def targeted(task: Task, settings: TargetedSettings) -> Iterator[Step]:
    """Finds the layers that hold the subgroup, forgets it there, and reminds the model of its siblings.

    Changes only weights of the image tower (LoRA, merged at the end, also where the generator is closed early); text
    tower, logit_scale and BatchNorm statistics stay as they are. The last Step of `select` carries data["layers"], that
    of `remind` data["original_share"] = decay^T.
    """
    run = _Run(task, settings)
    chosen = yield from run.select()
    run.attach(chosen)
    try:
        yield from run.forget()
        if settings.remind_steps:
            yield from run.remind()
    finally:
        run.merge()


class _Run:
    """One run: the data streams, the updates being trained, the balance between forgetting and the rest."""

    def __init__(self, task: Task, settings: TargetedSettings) -> None:
        import torch

        from clipforget import losses, train

        self.task, self.settings = task, settings
        self.generator = torch.Generator().manual_seed(task.seed)
        fixed = {"float32": None, "bfloat16": torch.bfloat16}
        auto = settings.precision == "auto"
        self.dtype = train.autocast_dtype(task.clip) if auto else fixed[settings.precision]
        draw = lambda images: train.batches(images, settings.batch, self.generator)  # noqa: E731
        self.streams = [draw(images) for images in (task.forget, task.retain, task.others)]
        self.probe = train.sample(task.others, PROBE, self.generator)
        self.watched = {k: train.sample(v, PROBE, self.generator) for k, v in task.validation.items() if len(v)}
        features = task.original.embed(self.probe.pixels)
        self.mismatched = losses.mismatched_cosine(features, self.probe.labels, task.bank.cpu())
        self.goal = max(1 / len(task.names), settings.tolerance)
        self.factor = 1.0
        self.best: tuple[float, list[Tensor]] | None = None
        self.values: dict[str, Tensor] | None = None
        self.updates: dict[str, Any] = {}

    def select(self) -> Generator[Step, None, list[str]]:
        """Relative Fisher information; returns the names of the chosen layers."""
        import torch

        from clipforget import fisher, train

        task, count = self.task, self.settings.fisher_samples
        names, means = fisher.candidates(task.clip.model), []
        parts = [train.sample(images, count, self.generator) for images in (task.forget, task.retain)]
        done, total = 0, sum(map(len, parts))
        for part in parts:
            rows = []
            for row in fisher.squared_gradients(task.clip, names, part.pixels, task.bank[part.labels]):
                rows.append(row)
                done += 1
                if done % 8 == 0 and done < total:
                    yield Step("select", done, total)
            means.append(torch.stack(rows).mean(dim=0))
        layers = fisher.relative(names, means[0], means[1], self.settings.layers)
        yield Step("select", total, total, data={"layers": [asdict(layer) for layer in layers]})
        return [layer.name for layer in layers if layer.chosen]

    def attach(self, names: list[str]) -> None:
        from clipforget import lora

        self.updates = lora.attach(self.task.clip.model, names, self.settings.rank, generator=self.generator)

    def parameters(self) -> list[Tensor]:
        return [parameter for update in self.updates.values() for parameter in update.parameters()]

    def merge(self) -> None:
        from clipforget import lora

        lora.merge(self.task.clip.model, self.values, names=list(self.updates))

    def forget(self) -> Iterator[Step]:
        """Lower the forget images' cosines, with siblings and others held; ends with the best state seen."""
        import torch

        settings = self.settings
        optimizer = torch.optim.Adam(self.parameters(), lr=settings.forget_rate)
        for step in range(1, settings.forget_steps + 1):
            optimizer.param_groups[0]["lr"] = settings.forget_rate * min(1.0, 10 * step / settings.forget_steps)
            figures = self._descend(optimizer, self._losses(), settings.retain_weight, 1.0)
            last = step == settings.forget_steps
            validation = self._look() if last or step % settings.check_every == 0 else {}
            yield Step("forget", step, settings.forget_steps, figures, validation)
            if validation and not settings.balance and validation["forget"] <= 1 / len(self.task.names):
                break
        if self.best is not None:
            self._restore(self.best[1])

    def remind(self) -> Iterator[Step]:
        """T steps on aligned siblings and the average of the weights, which becomes the result."""
        import torch

        from clipforget import alignment, losses, train

        task, settings = self.task, self.settings
        wanted = alignment.statistics(task.original, self.probe.pixels)
        optimizer = torch.optim.Adam(self.parameters(), lr=settings.remind_rate)
        base = dict(task.original.model.named_parameters())
        average = {name: torch.zeros_like(update.update()) for name, update in self.updates.items()}
        for step in range(1, settings.remind_steps + 1):
            pixels, labels = (part.to(task.clip.device) for part in next(self.streams[1]))
            delta, course = alignment.align(
                task.original, pixels, wanted, steps=settings.align_steps, bound=settings.align_bound, dtype=self.dtype
            )
            found = self._losses()
            with train.autocast(task.clip, self.dtype):
                features = task.clip.encode_image(pixels + delta)
            found["retain"] = losses.bank_cross_entropy(features.float(), labels, task.bank, task.clip.logit_scale)
            figures = self._descend(optimizer, found, 1.0, settings.hold_weight)
            for name, update in self.updates.items():
                average[name].lerp_(update.update().detach(), 1 - settings.ema_decay)
            self.values = {name: base[name].detach() + mean.view_as(base[name]) for name, mean in average.items()}
            data = {"alignment": course, "original_share": train.original_share(0.0, settings.ema_decay, step)}
            yield Step("remind", step, settings.remind_steps, figures, data=data)

    def _losses(self) -> dict[str, Tensor]:
        """Losses of one batch of each kind, scalars in logit units; retain and keep only where they have a weight."""
        import torch

        from clipforget import losses, train

        task, settings, bank = self.task, self.settings, self.task.bank
        scale = task.clip.logit_scale
        (fx, fy), (rx, ry), (ox, _) = ([part.to(task.clip.device) for part in next(s)] for s in self.streams)
        fx, rx = (train.augment(pixels, settings.augment, self.generator) for pixels in (fx, rx))
        with train.autocast(task.clip, self.dtype):
            features = task.clip.encode_image(torch.cat([fx, rx, ox])).float()
            with torch.no_grad():
                teacher = task.original.encode_image(ox).float()
        forget, retain, others = features.split([len(fx), len(rx), len(ox)])
        if settings.mode == "margin":
            lowered = losses.runner_up_margin(forget, fy, bank, settings.margin)
        else:
            floor = self.mismatched if settings.mode == "hinge" else None
            lowered = losses.caption_cosine(forget, fy, bank, floor)
        return {
            "forget": scale * lowered,
            "retain": losses.bank_cross_entropy(retain, ry, bank, scale),
            "keep": scale * losses.feature_distance(others, teacher),
        }

    def _descend(
        self, optimizer: torch.optim.Optimizer, found: dict[str, Tensor], retain: float, forget: float
    ) -> dict[str, float]:
        total = (
            self.factor * forget * found["forget"]
            + retain * found["retain"]
            + self.settings.keep_weight * found["keep"]
        )
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        return {name: float(loss.detach()) for name, loss in found.items()}

    def _look(self) -> dict[str, float]:
        """Validation accuracies now; with `balance` it also moves the forget weight and remembers the best state."""
        from clipforget import train

        names = [name for name in ("forget", "retain") if name in self.watched]
        margins = {n: train.margins(self.task.clip, self.watched[n], self.task.bank, self.dtype) for n in names}
        if self.settings.balance and "forget" in margins:
            over = train.smooth_accuracy(margins["forget"]) - self.goal
            kept = train.smooth_accuracy(margins["retain"]) if "retain" in margins else 0.0
            score = kept - PENALTY * max(over, 0.0)
            if self.best is None or score >= self.best[0]:
                self.best = (score, [parameter.detach().clone() for parameter in self.parameters()])
            self.factor = min(max(self.factor * (1.2 if over > 0 else 1 / 1.2), LEAST), FULLEST)
        return {name: train.accuracy(margin) for name, margin in margins.items()}

    def _restore(self, state: list[Tensor]) -> None:
        for parameter, value in zip(self.parameters(), state, strict=True):
            parameter.data.copy_(value)
