"""Checks the dependencies' licences and duplicates against deny.toml, where cargo-deny isn't installed.

Reads what `cargo tree` says of the packages that are built into our programs, or to build them. Advisories need a database
from the network, and are left to cargo-deny.
"""

from __future__ import annotations

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

    tree = subprocess.run(
        ["cargo", "tree", "--locked", "--workspace", "--edges", "normal,build", "--prefix", "none"]
        + ["--format", "{p}\t{l}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    packages = set()
    for line in filter(None, tree.splitlines()):
        package, _, licence = line.partition("\t")
        name, version = package.split()[:2]
        packages.add((name, version, licence.removesuffix(" (*)").strip()))
    wrong = []
    versions = defaultdict(set)
    for name, version, licence in sorted(packages):
        versions[name].add(version)
        expression = clarified.get(name, licence)
        if not expression:
            wrong.append(f"{name} {version} names no licence")
        elif not allowed(expression, allow | exceptions[name]):
            wrong.append(f"{name} {version}: {expression} is not allowed")
    if bans.get("multiple-versions", "warn") == "deny":
        for name, found in sorted(versions.items()):
            if len(found) > 1 and name not in skipped:
                wrong.append(f"{name} is there in {len(found)} versions: {', '.join(sorted(found))}")
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(packages)} packages: {len(wrong)} against deny.toml")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
