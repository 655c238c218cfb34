"""What the paper prints, as it prints it.

Mishra, Gupta, Tewari: An Amalgamated Deep Learning Approach for Lung Segmentation using X-Ray Images. Table 1.
It names no data set, split or averaging.
"""

import pandas as pd

NAMES = {
    "unet": "U-Net",
    "unet_mobilenetv2": "U-Net + MobileNetV2",
    "unet_inceptionresnetv2": "U-Net + InceptionResNetV2",
    "proposed": "Proposed: both encoders",
    "unet_mobilenetv2_imagenet": "U-Net + MobileNetV2, ImageNet (8-bit)",
}

METRICS = ["dice", "loss", "iou", "recall", "precision"]

TABLE1 = pd.DataFrame(
    {
        "unet": [0.957, 0.033, 0.937, 0.875, 0.976],
        "unet_mobilenetv2": [0.966, 0.029, 0.948, 0.892, 0.981],
        "unet_inceptionresnetv2": [0.972, 0.024, 0.957, 0.901, 0.996],
        "proposed": [0.984, 0.017, 0.966, 0.912, 0.998],
    },
    index=pd.Index(METRICS, name="metric"),
)


def name(variant: str) -> str:
    """A variant's name for people."""
    return NAMES.get(variant, variant)
