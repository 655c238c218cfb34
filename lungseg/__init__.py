"""lungseg: a reproducible benchmark of lung-field segmentation on chest radiographs."""

__version__ = "0.1.0"
