"""A Gaussian process with a length scale for each parameter, to find out which ones matter.

The kernel is a product of one factor ``exp(-r d)`` per parameter, with ``d`` a squared distance
and ``r`` the relevance. The prior of the relevances prefers those near 0 (as Eriksson and
Jankowiak's SAAS does, 2021), so that a parameter without an effect gets none from chance. All
hyperparameters are at their posterior mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Array = NDArray[np.float64]

_START = 0.5, 1.0, 0.1  # relevance, amplitude, noise
_LOG_NOISE = -2.5, 1.5  # mean and standard deviation of the prior
_JITTER = 1e-6
_BOUNDS = (-9.0, 5.0), (-4.0, 4.0), (-7.0, 2.0)


@dataclass(frozen=True, slots=True)
class GaussianProcess:
    """A fitted process.

    Attributes:
        relevance: One number per parameter.
        amplitude: The variance of the function.
        weights: One number per observation: the mean is a sum of kernels with these weights.
    """

    relevance: Array
    amplitude: float
    weights: Array

    def explained(self, distances: Array, y: Array) -> float:
        """Return the share of the variance of other observations that the mean predicts.

        Args:
            distances: Their squared distances from the own ones: parameter, other, own.
            y: The others, of mean 0.
        """
        kernels = self.amplitude * np.exp(-np.tensordot(self.relevance, distances, 1))
        off = y - kernels @ self.weights
        return 1.0 - float(off @ off) / max(float(y @ y), 1e-300)

    def means(self, rest: Array, own: Array) -> Array:
        """Return the mean at each point (rows), with one parameter at each of its positions.

        Args:
            rest: Each point's exponent of the kernel with each observation, without that of the
                parameter.
            own: The exponent of each position with each observation.
        """
        kernels = self.amplitude * np.exp(-rest) * self.weights
        return np.asarray(kernels @ np.exp(-own).T, dtype=np.float64)


def fit(distances: Array, y: Array, iterations: int = 60) -> GaussianProcess:
    """Return the process that fits observations best.

    Args:
        distances: Squared distances: parameter, observation, observation.
        y: The observations, of mean 0 and variance 1.
        iterations: Most iterations.
    """
    n_parameters = len(distances)
    start = np.log(np.r_[np.full(n_parameters, _START[0]), _START[1:]])
    bounds = [_BOUNDS[0]] * n_parameters + list(_BOUNDS[1:])
    flat = distances.reshape(n_parameters, -1)
    found = minimize(
        _loss, start, (flat, y), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": iterations},
    )  # fmt: skip
    relevance, (amplitude, noise) = np.exp(found.x[:-2]), np.exp(found.x[-2:])
    inverse, _ = _inverse(amplitude * np.exp(-(relevance @ flat)).reshape(len(y), -1), noise)
    return GaussianProcess(relevance, float(amplitude), inverse @ y)


def _inverse(kernel: Array, noise: float) -> tuple[Array, float]:
    """Return the inverse of the covariance, and half the logarithm of its determinant."""
    covariance = kernel.copy()
    covariance[np.diag_indices(len(kernel))] += noise + _JITTER
    half = float(np.log(np.diag(np.linalg.cholesky(covariance))).sum())
    return np.asarray(np.linalg.inv(covariance), dtype=np.float64), half


def _loss(logs: Array, flat: Array, y: Array) -> tuple[float, Any]:
    """Return the negative logarithm of the posterior, and its gradient."""
    relevance, (amplitude, noise) = np.exp(logs[:-2]), np.exp(logs[-2:])
    kernel = amplitude * np.exp(-(relevance @ flat)).reshape(len(y), -1)
    inverse, half = _inverse(kernel, noise)
    weights = inverse @ y
    slope = 0.5 * (inverse - np.outer(weights, weights))
    weighted = slope * kernel
    roots = np.sqrt(relevance)
    mean, sd = _LOG_NOISE
    off = (logs[-1] - mean) / sd
    loss = 0.5 * float(y @ weights) + half + roots.sum() + 0.5 * logs[-2] ** 2 + 0.5 * off**2
    gradient = np.r_[
        -relevance * (flat @ weighted.ravel()) + 0.5 * roots,
        weighted.sum() + logs[-2],
        noise * np.trace(slope) + off / sd,
    ]
    return float(loss), gradient
