"""Whether layers, as a model declares them, are a network."""

from collections.abc import Sequence

from common.errors import suggest
from models.kernels.network.activations import ELEMENTWISE
from models.kernels.network.layers import Layer

KNOWN = (*ELEMENTWISE, "filter", "gabor")


def misfit(layers: Sequence[Layer], dim: int, channels: int) -> str | None:
    """What is wrong with layers that are to lead from d coordinates to heads of C channels, and what it must be; None
    where nothing is."""
    below, head = dim, None
    for i, layer in enumerate(layers):
        if (wrong := _misfit(layer, below, dim, channels, first=i == 0)) is not None:
            return f"layer {i} {wrong}"
        below, head = len(layer.bias), layer.head
    return None if head else "the last layer has no head, so nothing reads it"


def _misfit(layer: Layer, below: int, dim: int, channels: int, first: bool) -> str | None:
    """The same of one layer, on `below` units or coordinates."""
    n, activation = len(layer.bias), layer.activation
    if activation not in KNOWN:
        known = f"known: {', '.join(KNOWN)}; any other is for a forward of one's own"
        return f"has an unknown activation '{activation}'{suggest(activation, KNOWN)}; {known}"
    if (layer.filter is None) == (activation == "filter") or (first and layer.filter is not None):
        return f"has the activation '{activation}'; a filter is for 'filter', behind the first layer, and for no other"
    if activation == "gabor" and n % 2:
        return f"has {n} units, and must have real and imaginary parts of as many, for 'gabor'"
    shapes = [("weight", layer.weight, [n, below])]
    if layer.filter is not None:
        shapes += [("ω", layer.filter[0], [n, dim]), ("φ", layer.filter[1], [n])]
    if layer.head is not None:
        shapes += [("head's weight", layer.head[0], [channels, n]), ("head's bias", layer.head[1], [channels])]
    for what, values, shape in shapes:
        if list(values.shape) != shape:
            return f"has a {what} {list(values.shape)}; with a bias of {n} behind {below} it must be {shape}"
    return None
