"""What can stand between a parameter and the weight that takes effect."""

import warnings

from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune


class Scaled(nn.Module):
    """A parametrisation with a right inverse."""

    def forward(self, X):
        return 2 * X

    def right_inverse(self, X):
        return X / 2


def older_weight_norm(module, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        nn.utils.weight_norm(module, name)


def prune_twice(module, name):
    prune.random_unstructured(module, name, amount=0.4)
    prune.random_unstructured(module, name, amount=0.4)


# name: what to do to a module's weight, and the kinds of weights that it can be done to
REPARAMETRISATIONS = {
    "parametrised": (
        lambda m, n: parametrize.register_parametrization(m, n, nn.Identity()),
        "weight bias",
    ),
    "scaled": (lambda m, n: parametrize.register_parametrization(m, n, Scaled()), "weight bias"),
    "weight norm": (parametrizations.weight_norm, "weight"),
    "spectral norm": (parametrizations.spectral_norm, "weight"),
    "older weight norm": (older_weight_norm, "weight"),
    "older spectral norm": (nn.utils.spectral_norm, "weight"),
    "pruned": (lambda m, n: prune.random_unstructured(m, n, amount=0.5), "weight bias"),
    "pruned twice": (prune_twice, "weight bias"),
    "kept": (lambda m, n: prune.identity(m, n), "weight bias"),
}
