"""Types that several annotations name."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""A tensor of any Keras backend, symbolic or not, or what converts to one."""

PathLike: TypeAlias = str | os.PathLike[str]
"""A path, as text or as an object such as `pathlib.Path`."""

IgnoreClass: TypeAlias = int | Sequence[int] | None
"""The labels that are ignored: one, several or none."""

ClassWeights: TypeAlias = Sequence[float] | Mapping[int, float] | None
"""One weight for each class, in order or by class; None for equal weights."""

ValueRange: TypeAlias = float | Sequence[float] | None
"""The values of black and white, or of white alone; None for those of the dtype."""
