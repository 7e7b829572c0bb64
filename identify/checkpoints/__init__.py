"""Weight files: untrusted input, opened here and nowhere else."""
