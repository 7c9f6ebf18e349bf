"""Random draws for the layout of a street."""

import numpy as np


class Dice:
    """Draws single random numbers, for which a NumPy generator is slow.

    Args:
        seed: int or tuple of int.
    """

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)
        self._draws = self._refill()

    def _refill(self):
        while True:
            yield from self._rng.random(1024).tolist()

    def uniform(self, low, high):
        """Returns a float in `low`..`high`."""
        return low + (high - low) * next(self._draws)

    def chance(self, probability):
        """Returns True with the given probability."""
        return next(self._draws) < probability

    def count(self, low, high):
        """Returns an int in `low`..`high`, both inclusive."""
        return low + int((high - low + 1) * next(self._draws))

    def pick(self, items):
        """Returns one of the items, with equal probability."""
        return items[int(len(items) * next(self._draws))]

    def side(self):
        """Returns -1 or 1."""
        return -1 if next(self._draws) < 0.5 else 1

    def color(self, colors, spread):
        """Returns one of the colors with random changes of brightness and hue.

        Args:
            colors: sequence of RGB colors in 0..255.
            spread: Largest difference from these, in gray levels.
        """
        shift = self.uniform(-spread, spread)
        return tuple(
            min(max(channel + shift + self.uniform(-0.5, 0.5) * spread, 0.0), 255.0)
            for channel in self.pick(colors)
        )
