"""Where the samples are not determined: what may be said all the same, and second sets.

Degrees 1 and 2 show moments alone; of degree 3 and above the equations may leave the tensor open.
"""
