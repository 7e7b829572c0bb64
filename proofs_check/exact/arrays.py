"""The array type of what is computed in floating point here."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
