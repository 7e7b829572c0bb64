"""The commands of ``identify``: each a dataclass of its options with a ``run``."""
