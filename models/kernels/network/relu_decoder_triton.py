"""Linear → ReLU → Linear with a few outputs, on values in float16 parts (fp16x3.py), forward and backward.

The products are PyTorch's; what lies between them is done in one reading of the hidden units each way.
"""

from typing import NamedTuple

import torch
import triton
from torch import Tensor

from models.kernels.network import fp16x3
from models.kernels.network.relu_decoder_kernels import hidden_gradient_kernel, output_kernel

SHAPE = {"POINTS": 32, "BLOCK": 128}  # of a tile


class Decoder(NamedTuple):
    """weight: [b, a], bias: [b], of the hidden layer. head: [C, b], of the output, whose bias is not here."""

    weight: Tensor
    bias: Tensor
    head: Tensor


class Gradients(NamedTuple):
    """Of a decoder, and of its values [N', a], which are still to be multiplied by the factor."""

    decoder: Decoder
    values: Tensor
    factor: Tensor


def decode(decoder: Decoder, values: Tensor, scale: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs [count, C] for values [N', 3, a] in slots x₁, x₂, x₁ of x · scale, the hidden layer's products [N', b],
    and the factor that takes the scales off them."""
    own = fp16x3.scale_for(decoder.weight.abs().max())
    hidden = fp16x3.mm(values.flatten(1), fp16x3.weights(decoder.weight, own)[0])
    factor = 1 / (scale * own)
    tiles, (channels, width) = _tiles(count, hidden), decoder.head.shape
    out = hidden.new_empty(tiles[1], channels, count)
    output_kernel[tiles](hidden, decoder.bias, decoder.head, out, factor, count, width, C=channels, **SHAPE)
    return out.sum(0).T, hidden, factor


def gradients(
    decoder: Decoder, values: Tensor, scale: Tensor, hidden: Tensor, factor: Tensor, to_out: Tensor
) -> Gradients:
    """From the gradient of the outputs [count, C]."""
    count, channels = to_out.shape
    to_out, width = to_out.T.contiguous(), hidden.shape[1]
    own = fp16x3.scale_for(decoder.weight.abs().max())
    given = fp16x3.scale_for(to_out.abs().max() * decoder.head.abs().sum(0).max())
    tiles = _tiles(len(hidden), hidden)
    parts = values.new_empty(len(hidden), 3, width)
    sums = hidden.new_empty(tiles[0], 1 + channels, width)
    hidden_gradient_kernel[tiles](
        *(hidden, decoder.bias, decoder.head, to_out, parts, sums, factor, given, count, width), C=channels, **SHAPE
    )
    bias, *head = sums.sum(0)
    weight = fp16x3.over_points(parts, values) * (1 / (given * scale))
    to_values = fp16x3.mm(parts.flatten(1), fp16x3.weights(decoder.weight, own)[1])
    return Gradients(Decoder(weight, bias, torch.stack(head)), to_values, 1 / (given * own))


def _tiles(count: int, hidden: Tensor) -> tuple[int, int]:
    return triton.cdiv(count, SHAPE["POINTS"]), triton.cdiv(hidden.shape[1], SHAPE["BLOCK"])
