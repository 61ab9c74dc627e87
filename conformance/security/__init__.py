"""Active security probes, for `--active` alone: each tries attacks and believes nothing but its own canaries."""
