"""Behind frozen first layers: from the features that a trained layer read to the inputs."""
