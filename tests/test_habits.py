"""Rules of the house that no single module can check for itself."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from mossy import discover

ROOT = Path(__file__).parents[1]
MADE = ("_build", "generated")  # folders of docs/ that a build writes
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    if not set(MADE) & set(page.parts)
)
FRAGMENTS = sorted(p for p in ROOT.glob("changelog.d/*") if p.name != "README.md")
PACKAGE = Path(str(resources.files("mossy")))
MODULES = sorted(PACKAGE.rglob("*.py"))
KINDS = ("breaking", "added", "changed", "fixed", "removed")
# A front end shaped after one chip's own library names that chip; nothing else may use it.
FRONT_ENDS = {"spinnaker2": "py_spinnaker2"}
EVERYDAY = {"cpu"}  # chip names that are also plain words: only the bare string counts as naming it


def python(code: str, cwd: Path | None = None) -> str:
    """Run `code` in a fresh interpreter and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# ------------------------------------------------------------------------------ what is loaded
@pytest.mark.parametrize("heavy", ["torch", "numba", "matplotlib", "pandas", "scipy", "sklearn"])
def test_import_mossy_is_light(heavy: str) -> None:
    assert python(f"import sys, mossy; print({heavy!r} in sys.modules)").strip() == "False"


@pytest.mark.parametrize("module", ["mossy.twin", "mossy.passes", "mossy.cli"])
def test_torch_is_not_loaded_to_compile_run_or_ask(module: str) -> None:
    assert python(f"import sys, {module}; print('torch' in sys.modules)").strip() == "False"


@pytest.mark.parametrize("first", ["mossy.chips", "mossy.passes", "mossy.twin", "mossy.cli"])
def test_public_functions_win_over_modules_of_the_same_name(first: str) -> None:
    names = ("load", "compile", "compare", "chip", "chips")
    code = f"import mossy, {first}; print([n for n in {names} if not callable(getattr(mossy, n))])"
    assert python(code).strip() == "[]"


# ------------------------------------------------------------------------------ chips
def spellings(name: str) -> re.Pattern[str]:
    """Return a pattern for `name` with or without a blank, dash or underscore before its number."""
    if name in EVERYDAY:
        return re.compile(rf"""(["']){re.escape(name)}\1""", re.IGNORECASE)
    parts = [re.escape(part) for part in re.findall(r"[a-z]+|[0-9]+", name.lower())]
    return re.compile(r"(?<![a-z])" + r"[\s_-]*".join(parts) + r"(?![a-z0-9])", re.IGNORECASE)


@pytest.mark.parametrize("chip", discover.names("mossy.chips", "chip.toml"))
def test_no_chip_is_named_outside_its_folder(chip: str) -> None:
    homes = [PACKAGE / "chips" / chip, PACKAGE / FRONT_ENDS.get(chip, "zoo"), PACKAGE / "zoo"]
    pattern = spellings(chip)
    named = [
        f"{file.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for file in MODULES
        if not any(file.is_relative_to(home) for home in homes)
        for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not named, "ask the chip for a fact instead of its name:\n" + "\n".join(named)


@pytest.mark.parametrize("text", ["loihi1", "Loihi 1", "nengo's Loihi-1", "loihi_1:"])
def test_the_chip_name_check_sees_every_spelling(text: str) -> None:
    assert spellings("loihi1").search(text)


@pytest.mark.parametrize("text", ["loihi12", "brianloihi1", "loihi"])
def test_the_chip_name_check_leaves_other_words_alone(text: str) -> None:
    assert not spellings("loihi1").search(text)


# ------------------------------------------------------------------------------ time
def arguments_with_defaults(tree: ast.AST) -> Iterator[tuple[int, str, ast.expr]]:
    """Yield (line, argument, default) of every public function in `tree`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            plain = [*node.args.posonlyargs, *node.args.args]
            tail = plain[len(plain) - len(node.args.defaults) :]
            for argument, default in zip(tail, node.args.defaults, strict=True):
                yield node.lineno, argument.arg, default
            for argument, given in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                if given is not None:
                    yield node.lineno, argument.arg, given


def silent_time_steps(source: str) -> list[int]:
    """Return the lines of public functions that assume a time step."""
    return [
        line
        for line, name, default in arguments_with_defaults(ast.parse(source))
        if name == "dt" and not (isinstance(default, ast.Constant) and default.value is None)
    ]


def test_no_public_function_assumes_a_time_step() -> None:
    found = {
        str(file.relative_to(PACKAGE)): lines
        for file in MODULES
        if (lines := silent_time_steps(file.read_text("utf-8")))
    }
    assert not found


def test_the_time_step_check_sees_both_kinds_of_argument() -> None:
    source = "def a(x, dt=1e-3): ...\ndef b(x, *, dt=1): ...\ndef c(x, dt, *, y=2, z): ...\n"
    assert silent_time_steps(source + "def d(*, dt=None): ...\ndef _e(dt=1): ...\n") == [1, 2]


# ------------------------------------------------------------------------------ examples
def python_blocks(page: str) -> list[str]:
    """Return the Python blocks of a page."""
    text = (ROOT / page).read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_example_runs_and_prints_time_and_energy(page: str, tmp_path: Path) -> None:
    printed = python("\n".join(python_blocks(page)), cwd=tmp_path)
    assert re.search(r"\d (µ|m|n)?J\b", printed), printed
    assert re.search(r"\d (µ|m)?s\b", printed), printed


def test_readme_example_is_one_short_block() -> None:
    (block,) = python_blocks("README.md")
    assert len(block.strip().splitlines()) <= 15


def test_readme_support_table_is_the_generated_one() -> None:
    if importlib.util.find_spec("mossy.testing.support_table") is None:
        pytest.skip("mossy.testing.support_table does not exist yet")
    made = subprocess.run(
        [sys.executable, "-m", "mossy.testing.support_table"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    text = (ROOT / "README.md").read_text("utf-8")
    before, start, rest = text.partition("<!-- chips -->\n")
    table, end, after = rest.partition("<!-- /chips -->")
    assert before and start and end and after
    assert table.strip() == made.stdout.strip(), (
        "README.md is behind the chips. Try: python -m mossy.testing.support_table"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    written = [t for t in targets if "://" not in t and not set(MADE) & set(Path(t).parts)]
    gone = [t for t in written if not (page.parent / t).exists()]
    assert not gone


# ------------------------------------------------------------------------------ error codes
def codes_raised() -> set[str]:
    """Return every error code that stands as a string in the source."""
    return {c for file in MODULES for c in re.findall(r'"(E0\d{3})"', file.read_text("utf-8"))}


def test_every_error_code_has_a_section_and_every_section_a_code() -> None:
    page = (ROOT / "docs/reference/errors.md").read_text("utf-8")
    sections = re.findall(r"^### (E0\d{3})\b", page, re.M)
    assert len(sections) == len(set(sections))
    assert set(sections) == codes_raised()


# ------------------------------------------------------------------------------ changelog
def faults_of_fragment(name: str, text: str) -> list[str]:
    """Return what is wrong with one fragment of changelog.d."""
    faults = []
    if not re.fullmatch(rf"[a-z0-9-]+\.({'|'.join(KINDS)})\.md", name):
        faults.append(f"name must be what-it-is.KIND.md with KIND one of {', '.join(KINDS)}")
    if not text.strip().endswith("."):
        faults.append("must be whole sentences")
    if "\n\n" in text.strip() or text.lstrip().startswith("#"):
        faults.append("must be one paragraph without a heading")
    if len(text) > 600:
        faults.append("must be 600 characters or less")
    return faults


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda fragment: fragment.name)
def test_changelog_fragment_is_well_formed(fragment: Path) -> None:
    assert faults_of_fragment(fragment.name, fragment.read_text("utf-8")) == []


def test_the_fragment_check_finds_each_fault() -> None:
    assert len(faults_of_fragment("Bad_Name.md", "# no\n\nsentence" + 600 * "x")) == 4


# ------------------------------------------------------------------------------ packaging
def test_the_installed_package_is_typed_and_holds_its_data() -> None:
    assert (PACKAGE / "py.typed").is_file()
    for package, marker in (("mossy.chips", "chip.toml"), ("mossy.zoo", "card.toml")):
        assert discover.names(package, marker)
