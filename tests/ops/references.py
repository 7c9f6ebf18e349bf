"""References of the ops in NumPy loops and float64, following the equations."""

import math

import numpy as np


def strip_rows(x):
    batch, height, width, channels = x.shape
    rows = np.zeros((batch, height, 1, channels))
    for j in range(width):
        rows[:, :, 0] += x[:, :, j] / width
    return rows


def strip_columns(x):
    return strip_rows(x.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)


def adaptive_average_pool(x, output_size):
    batch, height, width, channels = x.shape
    rows, columns = output_size
    out = np.zeros((batch, rows, columns, channels))
    for i in range(rows):
        top, bottom = math.floor(i * height / rows), math.ceil((i + 1) * height / rows)
        for j in range(columns):
            left = math.floor(j * width / columns)
            right = math.ceil((j + 1) * width / columns)
            out[:, i, j] = x[:, top:bottom, left:right].mean(axis=(1, 2))
    return out


def adaptive_max_pool(x, output_size):
    batch, height, width, channels = x.shape
    out = np.zeros((batch, *output_size, channels))
    for place in np.ndindex(out.shape):
        out[place] = x[_bin(x, output_size, place)].max()
    return out


def gradient_of_adaptive_max_pool(x, output_size, weights):
    gradient = np.zeros_like(x)
    for place in np.ndindex(weights.shape):
        cells = _bin(x, output_size, place)
        gradient[cells] += weights[place] * (x[cells] == x[cells].max())
    return gradient


def _bin(x, output_size, place):
    """Returns the cells that an output of adaptive pooling covers."""
    b, i, j, c = place
    (_, height, width, _), (rows, columns) = x.shape, output_size
    return (
        b,
        slice(math.floor(i * height / rows), math.ceil((i + 1) * height / rows)),
        slice(math.floor(j * width / columns), math.ceil((j + 1) * width / columns)),
        c,
    )


def resize_bilinear(x, size, align_corners):
    def position(i, outputs, cells):
        if align_corners:
            return i * (cells - 1) / (outputs - 1) if outputs > 1 else 0.0
        return min(max((i + 0.5) * cells / outputs - 0.5, 0.0), cells - 1.0)

    batch, height, width, channels = x.shape
    out = np.zeros((batch, *size, channels))
    for i in range(size[0]):
        y = position(i, size[0], height)
        top, bottom = math.floor(y), min(math.floor(y) + 1, height - 1)
        for j in range(size[1]):
            z = position(j, size[1], width)
            left, right = math.floor(z), min(math.floor(z) + 1, width - 1)
            upper = (1 - z % 1) * x[:, top, left] + z % 1 * x[:, top, right]
            lower = (1 - z % 1) * x[:, bottom, left] + z % 1 * x[:, bottom, right]
            out[:, i, j] = (1 - y % 1) * upper + y % 1 * lower
    return out


def gradient_of_linear(function, x, weights):
    """Returns the gradient of `sum(weights * function(x))`, column by column."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        unit = np.zeros_like(x)
        unit[index] = 1
        gradient[index] = (weights * function(unit)).sum()
    return gradient
