#!/usr/bin/env bash
# Snakemake runs this in the new environment, from the folder it was started in; the Snakefile says where the package lies.
set -euo pipefail
root="${LUNGSEG_ROOT:-$PWD}"
"$CONDA_PREFIX/bin/python" -m pip install --no-deps --no-build-isolation --editable "$root"
