"""Krawczyk's test."""

from flint import arb

from proofs_check.exact.enclosure import enclose_zero


def test_krawczyk_encloses_a_root_and_nothing_else():
    def F(t):
        return [t[0] ** 2 - 2]

    def J(t):
        return [[2 * t[0]]]

    found = enclose_zero(F, J, [1.4])
    assert found is not None
    assert (found[0] ** 2).contains(2)
    assert found[0].rad() < arb("1e-40")
    assert enclose_zero(lambda t: [t[0] ** 2], J, [1e-3]) is None  # a double root
    assert enclose_zero(lambda t: [t[0] ** 2 + 1], J, [0.3]) is None  # no root
