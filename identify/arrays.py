"""The array types of the whole project.

``Float64[FloatArray, "m r"]`` is an array of that shape, every letter one length throughout a call.
Type checkers read it as ``FloatArray``; where jaxtyping was imported first, as the tests do, its
import hook checks the shapes. Annotations are not evaluated otherwise, so jaxtyping costs nothing.
"""

import sys
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING or "jaxtyping" in sys.modules:
    from jaxtyping import Float64 as Float64
else:
    Float64 = None

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
