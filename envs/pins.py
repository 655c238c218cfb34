"""Write envs/lungseg.yaml with the pins of requirements.lock, for Snakemake's conda."""

from pathlib import Path

ENVS = Path(__file__).parent
HEAD = """# Made by `make lock` from requirements.lock: the same pins, without hashes. The package itself comes by
# lungseg.post-deploy.sh.
channels:
  - conda-forge
dependencies:
  - python >=3.11,<3.14
  - pip
  - pip:
"""


def pins(lock: str) -> list[str]:
    """The requirements of a lock file, markers included, hashes left out."""
    lines = [line.removesuffix("\\").strip() for line in lock.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "--hash"))]


def environment(lock: str) -> str:
    """The environment file for a lock file."""
    return HEAD + "".join(f'    - "{pin}"\n' for pin in pins(lock))


if __name__ == "__main__":
    (ENVS / "lungseg.yaml").write_text(environment((ENVS.parent / "requirements.lock").read_text()))
