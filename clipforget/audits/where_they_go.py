"""Where they go: what each image of the target is taken for. All into one wrong class is a signature of its own.

A model that never saw the target takes its images for what they look like, mostly the class that they belong to.
"""

from __future__ import annotations

import math
from dataclasses import replace

from clipforget.audits import NUMBER, AuditStep, AuditTask, Figure, Measurement, Measuring, Subject, audit
from clipforget.unlearning.task import BOTH

FAR = 3  # standard deviations below the mean cosine of mismatched pairs


@audit(
    "where_they_go",
    title="Where they go",
    question="What is the target taken for now?",
    source="The Streisand effect: Golatkar, Achille and Soatto, Eternal Sunshine of the Spotless Net, 2020",
    reference_url="https://arxiv.org/abs/1911.04933",
    finds="{} of it is taken for one wrong class",
    hidden="moved to one wrong class",
    compared=("wrong", "coarse"),
    needs=("classes",),
    looks_at=BOTH,
    follows=True,
)
def where_they_go(subject: Subject, task: AuditTask) -> Measuring:
    """Classify the target's test images among the class names: the largest wrong class, and what spread there is.

    Also the share whose cosine with their own class name is below that of mismatched pairs by three standard
    deviations, which no training but a push away from it gives; siblings and others are classified beside them.
    """
    import torch

    yield AuditStep(0, 1)
    cosines = {role: subject.cosines(images, task.class_prompts) for role, images in task.test.items() if len(images)}
    nearest = {role: rows.argmax(dim=1) for role, rows in cosines.items()}
    labels, count = task.test["forget"].labels, len(task.test["forget"])
    wrong = nearest["forget"][nearest["forget"] != labels].bincount(minlength=len(task.names))
    taken = nearest["forget"].bincount(minlength=len(task.names)).tolist()
    entropy = sum(n / count * math.log(count / n) for n in taken if n) / math.log(len(task.names))
    name = f"“{task.names[int(wrong.argmax())]}”" if int(wrong.max()) else ""
    figures = [
        replace(Figure.share("wrong", "largest wrong class", int(wrong.max()), count), note=name),
        Figure.share("coarse", "still its own class", int((nearest["forget"] == labels).sum()), count),
        Figure("entropy", "entropy over classes, 1 is even", entropy, count=count, unit=NUMBER),
    ]
    mismatched = torch.cat(
        [rows[torch.arange(len(task.names)) != task.test[role].labels[:, None]] for role, rows in cosines.items()]
    )
    floor = mismatched.mean() - FAR * mismatched.std()
    own = cosines["forget"].gather(1, labels[:, None])
    figures.append(Figure.share("pushed", "below mismatched pairs by 3 sd", int((own < floor).sum()), count))
    for role in [role for role in nearest if role != "forget"]:
        hits = int((nearest[role] == task.test[role].labels).sum())
        figures.append(Figure.share(role, f"{role}, their own class", hits, len(nearest[role])))
    yield AuditStep(1, 1)
    confusion = {name: n / count for name, n in zip(task.names, taken, strict=True)}
    return Measurement(tuple(figures), {"confusion": confusion})
