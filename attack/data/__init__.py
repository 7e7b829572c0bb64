"""Pictures to train on, embedded or from files that are not trusted."""
