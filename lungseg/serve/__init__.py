"""A page on one's own machine to try the segmentation of one's own films."""
