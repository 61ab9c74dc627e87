"""Load tests on Locust: the road from a plan over samples to the metrics model."""
