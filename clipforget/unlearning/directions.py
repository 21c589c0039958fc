"""Directions of the joint embedding and the matrices that take them out. M, N vectors, D embedding, K directions."""

from __future__ import annotations

import torch
from torch import Tensor

SMALLEST = 1e-3  # singular values below this share of the largest count as none
RESIDUE = 1e-3  # a unit vector of which less is left outside a span lies in it


def basis(vectors: Tensor) -> Tensor:
    """Return an orthonormal basis D x K of the span of M x D vectors, in double precision; K <= min(M, D)."""
    singular: Tensor
    singular, values, _ = torch.linalg.svd(vectors.double().T, full_matrices=False)
    return singular[:, values > max(SMALLEST * float(values.max()), 1e-12)] if values.numel() else singular


def projection_matrix(directions: Tensor, strength: float = 1.0) -> Tensor:
    """Return P = I - strength U U^T, D x D, for an orthonormal basis U (D x K); at strength 1 a projection."""
    return torch.eye(len(directions), dtype=directions.dtype, device=directions.device) - strength * (
        directions @ directions.T
    )


def orthogonal_part(vectors: Tensor, protected: Tensor) -> Tensor:
    """Return what M x D unit vectors have outside the span of N x D protected ones, without those that have nothing."""
    span = basis(protected)
    outside = vectors.double() @ projection_matrix(span)
    return outside[outside.norm(dim=1) > RESIDUE]


def regression(retain: Tensor, forget: Tensor, weight: float, ridge: float, target: Tensor | None = None) -> Tensor:
    """Return P = (R + w N F + g I) (R + w F + g I)^-1, D x D: F's vectors become N times themselves, R's stay.

    retain (R) and forget (F) are D x D second moments X^T X of the vectors; target (N, D x D) defaults to zero. It is
    the minimum of E_R |P x - x|^2 + w E_F |P x - N x|^2 + g |P - I|^2.
    """
    identity = torch.eye(len(retain), dtype=torch.float64, device=retain.device)
    retain, forget = retain.double() + ridge * identity, weight * forget.double()
    numerator = retain if target is None else retain + target.double() @ forget
    solved: Tensor = torch.linalg.solve((retain + forget).T, numerator.T)
    return solved.T
