"""What the two distributions say about themselves: versions, licences, requirements and workflows agree."""

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml

import symfft

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "packages" / "symfft-models"


def project(folder):
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


LIBRARY, CONSUMER = project(ROOT), project(MODELS)
RECIPE = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8"))


def name_and_versions(requirement):
    name, versions = re.fullmatch(r"([\w-]+) ?(>=[\d.,<]+)", requirement).groups()
    return {"pytorch": "torch", "matplotlib-base": "matplotlib"}.get(name, name), versions


def normal(name):
    """The name of a distribution as registries compare it."""
    return re.sub(r"[._-]+", "-", name).lower()


def test_one_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)(?: \((.*)\))?$", changelog, re.MULTILINE)
    versions = {
        LIBRARY["version"], CONSUMER["version"], symfft.__version__, citation["version"], RECIPE["context"]["version"],
        newest[1],
    }  # fmt: skip
    assert len(versions) == 1
    released = citation.get("date-released")
    assert newest[2] == (released.isoformat() if released else "unreleased")


def test_each_distribution_requires_the_other_in_its_own_version():
    version = LIBRARY["version"]
    assert f"symfft=={version}" in CONSUMER["dependencies"]
    extras = {"models": "vae", "data": "data", "fetch": "fetch", "compressors": "compressors", "novelty": "novelty"}
    for extra, of_models in extras.items():
        assert LIBRARY["optional-dependencies"][extra] == [f"symfft-models[{of_models}]=={version}"]
        assert of_models in CONSUMER["optional-dependencies"]


def test_the_second_distribution_is_the_package_of_this_tree():
    assert (MODELS / "symfft_models").resolve() == ROOT / "symfft_models"
    assert (MODELS / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("key", ["urls", "requires-python", "authors"])
def test_both_projects_agree(key):
    assert LIBRARY[key] == CONSUMER[key]


def test_the_repository_has_one_address():
    address = LIBRARY["urls"]["Source"]
    assert RECIPE["about"]["repository"] == address
    for file in ("CITATION.cff", "README.md", ".github/ISSUE_TEMPLATE/config.yml"):
        assert address in (ROOT / file).read_text(encoding="utf-8"), file


@pytest.mark.parametrize(("output", "name"), [(0, "symfft"), (1, "symfft-models")])
def test_conda_requires_what_pip_requires(output, name):
    recipe = RECIPE["outputs"][output]
    assert recipe["package"]["name"] == name
    found = dict(
        map(name_and_versions, (r for r in recipe["requirements"]["run"] if not r.startswith(("python ", "$"))))
    )
    wanted = LIBRARY["dependencies"] if output == 0 else CONSUMER["dependencies"][1:]
    extra = [] if output == 0 else CONSUMER["optional-dependencies"]["vae"]
    assert found == dict(map(name_and_versions, [*wanted, *extra]))


def test_every_python_of_the_classifiers_is_tested():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    matrices = [job.get("strategy", {}).get("matrix", {}) for job in workflow["jobs"].values()]
    tested = {version for matrix in matrices for version in matrix.get("python-version", [])}
    for distribution in (LIBRARY, CONSUMER):
        assert tested == set(re.findall(r":: (3\.\d+)$", "\n".join(distribution["classifiers"]), re.MULTILINE))


def test_every_requirement_is_pinned():
    pinned = {normal(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split()}
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    wanted = [*LIBRARY["dependencies"], *CONSUMER["dependencies"]]
    wanted += chain(*LIBRARY["optional-dependencies"].values(), *CONSUMER["optional-dependencies"].values())
    wanted += [requirement for group in groups.values() for requirement in group if isinstance(requirement, str)]
    names = {normal(re.match(r"[\w.-]+", requirement)[0]) for requirement in wanted}
    # mp-api brings all of pymatgen: docs/decisions/0001-dependencies.md
    assert names - pinned == {"symfft", "symfft-models", "mp-api"}
