"""Names that are told before anything is read: loading what reads configurations takes a tenth of a second."""

KNOWN = ("montgomery", "shenzhen", "jsrt", "phantom")  # data sets; others are defined under `own`
