"""Do a module's own tests notice a change of one operator, comparison, number or branch in it?

    cosmic-ray init bench/mutants.toml mutants.sqlite      every change that Cosmic Ray knows, in a clean clone
    python -m bench.mutants draw mutants.sqlite            keeps those that are drawn, by a fixed seed
    cosmic-ray exec bench/mutants.toml mutants.sqlite      hours; goes on after a stop
    python -m bench.mutants table mutants.sqlite           writes bench/results/mutants.csv and mutants.md
    python -m bench.mutants again mutants.sqlite           what survived is tried again by the next `exec`

A change is tried by the tests named after its module, and where these pass by the tests that import it, or, where there
are none, by those of the modules that import it; tests that run the whole workflow are left out. What an annotation
says is not changed: nothing of it is run.
"""

import argparse
import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lungseg.jobs.fingerprint import imports

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench/results"
SEED, COUNT = 20261126, 400
# Tests of the whole: minutes each, and nobody's own.
WHOLE = ("browser", "cluster", "conda", "docs", "dvc", "gpu", "packaging", "rooms", "running", "workflow")
WORKFLOW = {"project", "results"}  # fixtures that run it
# What an ablation turns on: here no change may survive.
CHOICES = ("networks", "learning.augmentation", "learning.stepper", "learning.weights", "learning.training", "recipe")
KEY = ["module", "change", "became"]
Span = tuple[tuple[int, int], tuple[int, int]]


def annotations(source: str) -> list[Span]:
    """Where the annotations of a module begin and end: line from 1, column from 0."""
    found: list[ast.expr | None] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg | ast.AnnAssign):
            found.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            found.append(node.returns)
    return [
        ((one.lineno, one.col_offset), (one.end_lineno or one.lineno, one.end_col_offset or 0))
        for one in found
        if one is not None
    ]


def draw(session: str, seed: int, count: int) -> None:
    """Keep `count` of the changes of a session, drawn without replacement; the others are not tried."""
    from cosmic_ray.work_db import use_db  # type: ignore[import-not-found]

    with use_db(session) as database:
        items = sorted(database.work_items, key=lambda item: str(item.mutations[0]))
        spans = {str(path): annotations(path.read_text(encoding="utf-8")) for path in _modules(items)}
        tried = [
            item
            for item in items
            if not any(
                start <= tuple(item.mutations[0].start_pos) < end
                for start, end in spans[str(item.mutations[0].module_path)]
            )
        ]
        drawn = np.random.default_rng(seed).choice(len(tried), min(count, len(tried)), replace=False)
        database.clear()
        database.add_work_items(tried[number] for number in drawn)
    print(f"{len(drawn)} of {len(tried):,} changes in {len(spans)} modules are drawn by seed {seed}")


def again(session: str) -> None:
    """Forget how the changes ended that no test noticed: the next `exec` tries them, by tests written since."""
    from cosmic_ray.work_db import use_db

    with use_db(session) as database:
        items, results = list(database.work_items), list(database.results)
        database.clear()
        database.add_work_items(items)
        for job, result in results:
            if result.is_killed:
                database.set_result(job, result)
    print(f"{sum(not result.is_killed for _, result in results)} changes are tried again")


def _modules(items: Sequence[object]) -> list[Path]:
    return sorted({item.mutations[0].module_path for item in items})  # type: ignore[attr-defined]


def own_tests(module: Path, root: Path = ROOT) -> tuple[list[str], list[str]]:
    """The test files named after a module, and those that import it, or where there are none, of what imports it.

    Args:
        module: Its path within the project: lungseg/room/name.py.
        root: The project.
    """
    room, name = module.parent.name if len(module.parts) > 2 else "", module.stem
    dotted = ".".join(module.with_suffix("").parts[1:])
    named = {f"tests/{room}/test_{name}.py", f"tests/test_{name}.py"} if room else {f"tests/test_{name}.py"}
    first, others = [], []
    for file in sorted(root.glob("tests/**/test_*.py")):
        path = file.relative_to(root).as_posix()
        if file.stem.removeprefix("test_") in WHOLE:
            continue
        if path in named or path == f"tests/{room}/test_{name}s.py":
            first.append(path)
        elif dotted in imports(file.read_text(encoding="utf-8")):
            others.append(path)
    return (first, others) if first or others else _through_others(dotted, root)


def _through_others(dotted: str, root: Path) -> tuple[list[str], list[str]]:
    """The tests of the modules that import one that no test names or imports."""
    found: list[str] = []
    for file in sorted(root.glob("lungseg/**/*.py")):
        if dotted in imports(file.read_text(encoding="utf-8")):
            found += [test for tests in own_tests(file.relative_to(root), root) for test in tests if test not in found]
    return found, []


def pytest_collection_modifyitems(items: list) -> None:  # type: ignore[type-arg]
    """As a plugin of pytest: leave out what runs the whole workflow."""
    items[:] = [item for item in items if not WORKFLOW & set(item.fixturenames)]


def test() -> int:
    """Try the tests of the one module that differs from what is committed; 0 where all pass."""
    changed = subprocess.run(
        ["git", "diff", "--name-only", "--", "lungseg"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    if len(changed) != 1:
        sys.exit(
            f"lungseg: found {len(changed)} changed modules, expected one: run it through Cosmic Ray, in a clean clone"
        )
    for files in own_tests(Path(changed[0])):
        if files:
            words = ["-q", "-x", "-p", "no:cacheprovider", "-p", "bench.mutants", "--no-header", "--tb=line", *files]
            ended = subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT)
            if ended.returncode not in (0, 5):  # 5: no test was left
                return ended.returncode
    return 0


def table(session: str) -> pd.DataFrame:
    """A row for each change that was tried: where, what, whether a test noticed."""
    from cosmic_ray.work_db import use_db

    with use_db(session) as database:
        places = {item.job_id: item.mutations[0] for item in database.work_items}
        rows = [
            {
                "module": places[job].module_path.as_posix(),
                "line": places[job].start_pos[0],
                "change": places[job].operator_name.removeprefix("core/"),
                "became": _became(result.diff or ""),
                "noticed": bool(result.is_killed),
            }
            for job, result in database.results
        ]
    return pd.DataFrame(rows).sort_values(["module", "line", "change", "became"], ignore_index=True)


def _became(diff: str) -> str:
    """The first line that a change made."""
    made = [line[1:].strip() for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]
    return made[0] if made else ""


def at_first(rows: pd.DataFrame, earlier: pd.DataFrame | None) -> pd.DataFrame:
    """The rows with whether a test noticed the change when it was tried first, by the table written then."""
    first = rows["noticed"]
    if earlier is not None:
        known = rows[KEY].merge(earlier.drop_duplicates(KEY), how="left", on=KEY)["noticed_at_first"]
        first = known.where(known.notna(), rows["noticed"]).astype(bool)
    return rows.assign(noticed_at_first=first)


def as_markdown(rows: pd.DataFrame, arguments: pd.DataFrame) -> str:
    """Counts by room, then every change that survived, with the argument why it changes nothing where there is one."""
    rooms = rows["module"].str.split("/").str[1].str.removesuffix(".py")
    first, now = rows["noticed_at_first"], rows["noticed"]
    lines = [
        f"{len(rows)} of {COUNT} changes drawn by seed {SEED} were tried. {first.sum()} ({first.mean():.1%}) were "
        f"noticed at first, {now.sum()} ({now.mean():.1%}) with the tests written since for those that were not.",
        "",
    ]
    lines += ["| room | tried | noticed at first | noticed |", "|---|---:|---:|---:|"]
    lines += [
        f"| {room} | {len(part)} | {part['noticed_at_first'].sum()} | {part['noticed'].sum()} |"
        for room, part in rows.groupby(rooms)
    ]
    left = rows[~rows["noticed"]].merge(arguments, how="left", on=KEY).fillna({"why": ""})
    lines += ["", "| survived | line | became | why |", "|---|---:|---|---|"]
    for row in left.itertuples():
        became = str(row.became).replace("|", "\\|")
        lines.append(f"| {row.module} | {row.line} | `{became}` | {row.why} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["draw", "test", "table", "again"])
    parser.add_argument("session", nargs="?", default="mutants.sqlite")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=COUNT)
    given = parser.parse_args()
    if given.what == "test":
        return test()
    if given.what == "draw":
        draw(given.session, given.seed, given.count)
        return 0
    if given.what == "again":
        again(given.session)
        return 0
    file = RESULTS / "mutants.csv"
    rows = at_first(table(given.session), pd.read_csv(file) if file.exists() else None)
    rows.to_csv(file, index=False)
    why = RESULTS / "mutants_argued.csv"
    argued = pd.read_csv(why) if why.exists() else pd.DataFrame(columns=["module", "change", "became", "why"])
    (RESULTS / "mutants.md").write_text(as_markdown(rows, argued), encoding="utf-8")
    print(f"{rows['noticed'].sum()} of {len(rows)} noticed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
