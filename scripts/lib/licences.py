"""Checks the dependencies' licences and duplicates against deny.toml, where cargo-deny isn't installed.

Reads what `cargo metadata` says of the packages that get into our binary. Advisories need a database
from the network, and are left to cargo-deny.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def allowed(expression: str, allow: set[str]) -> bool:
    """Whether an SPDX expression can be met with the allowed licences alone."""
    words = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    position = 0

    def peek() -> str | None:
        return words[position] if position < len(words) else None

    def take() -> str:
        nonlocal position
        position += 1
        return words[position - 1]

    def any_of() -> bool:
        met = all_of()
        while peek() == "OR":
            take()
            met = all_of() or met
        return met

    def all_of() -> bool:
        met = one()
        while peek() == "AND":
            take()
            met = one() and met
        return met

    def one() -> bool:
        if peek() == "(":
            take()
            met = any_of()
            take()
            return met
        name = take()
        if peek() == "WITH":
            take()
            name = f"{name} WITH {take()}"
        return name in allow

    return any_of()


def main() -> int:
    """Prints what is against the rules; 1 if anything is."""
    rules_file = ROOT / "deny.toml"
    if not rules_file.is_file():
        print(f"{rules_file} is not there: it says which licences are allowed", file=sys.stderr)
        return 1
    rules = tomllib.loads(rules_file.read_text())
    licences = rules.get("licenses", {})
    allow = set(licences.get("allow", []))
    exceptions: dict[str, set[str]] = defaultdict(set)
    for entry in licences.get("exceptions", []):
        name = entry.get("crate") or entry.get("name")
        exceptions[name.split("@")[0]] |= set(entry["allow"])
    clarified = {
        (entry.get("crate") or entry.get("name")).split("@")[0]: entry["expression"]
        for entry in licences.get("clarify", [])
    }
    bans = rules.get("bans", {})
    skipped = {
        re.split("[@:=]", entry if isinstance(entry, str) else entry.get("crate") or entry.get("name"))[0]
        for entry in [*bans.get("skip", []), *bans.get("skip-tree", [])]
    }

    metadata = json.loads(
        subprocess.run(
            ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", host()],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )
    used = {node["id"] for node in metadata["resolve"]["nodes"]}
    packages = [package for package in metadata["packages"] if package["id"] in used]
    wrong = []
    versions = defaultdict(set)
    for package in packages:
        versions[package["name"]].add(package["version"])
        expression = clarified.get(package["name"], package["license"])
        if not expression:
            wrong.append(f"{package['name']} {package['version']} names no licence")
        elif not allowed(expression, allow | exceptions[package["name"]]):
            wrong.append(f"{package['name']} {package['version']}: {expression} is not allowed")
    if bans.get("multiple-versions", "warn") == "deny":
        for name, found in sorted(versions.items()):
            if len(found) > 1 and name not in skipped:
                wrong.append(f"{name} is there in {len(found)} versions: {', '.join(sorted(found))}")
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(packages)} packages: {len(wrong)} against deny.toml")
    return 1 if wrong else 0


def host() -> str:
    """The platform that is built for here."""
    said = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    return next(line.split()[1] for line in said.splitlines() if line.startswith("host:"))


if __name__ == "__main__":
    sys.exit(main())
