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


# Values printed by others, each with its source. Test films, truth and averaging differ between them: see the source.
REFERENCES = pd.DataFrame(
    [
        ("second_observer", "jsrt", "iou", 0.946, 247,
         "van Ginneken et al. 2006, Med Image Anal 10:19: second human observer, mean of films, SD .018"),
        ("second_observer", "jsrt", "assd_mm", 1.64, 247,
         "van Ginneken et al. 2006: second human observer, mean boundary distance, SD .69"),
        ("best_published", "montgomery", "dice", 0.982, 28,
         "idiap, deepdraw 1.5.0, U-Net with VGG16: the test films of gaal2020, pooled pixels"),
        ("best_published", "shenzhen", "dice", 0.955, 114,
         "idiap, deepdraw 1.5.0, M2U-Net: the test films of gaal2020, pooled pixels"),
        ("best_published", "jsrt", "dice", 0.985, 247,
         "imlab-uiip/lung-segmentation-2d, U-Net: five-fold cross-validation, mean over films, small parts removed"),
    ],
    columns=["variant", "test_on", "metric", "mean", "images", "source"],
)  # fmt: skip


def name(variant: str) -> str:
    """A variant's name for people."""
    return NAMES.get(variant, variant)
