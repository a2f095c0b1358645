#!/usr/bin/env python3
"""Prints the licences of all that is in a static binary: the file that must go with one that is given away.

    toolchain/notices.py >dist/THIRD-PARTY.txt

Made from what the crates of Cargo.lock bring themselves, not kept in the repository, so that it cannot be of
another version than they are. A crate that brings no licence is an error: somebody has to look. Which licences may
occur at all is said by deny.toml. musl's is the one of the zig that toolchain/build.sh has put into target/zig.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MUSL = ROOT / "target/zig/ziglang/lib/libc/musl/COPYRIGHT"
TARGETS = [
    "armv5te-unknown-linux-musleabi",
    "arm-unknown-linux-musleabi",
    "armv7-unknown-linux-musleabihf",
    "aarch64-unknown-linux-musl",
    "x86_64-unknown-linux-musl",
]
IS_NOTICE = re.compile(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)([-.].*)?$", re.IGNORECASE)
# The others of which a crate with LICENSE-MIT leaves the choice.
IS_OTHER_CHOICE = re.compile(r"(LICENSE-(APACHE|ISC)(\..*)?|UNLICENSE|COPYING)$", re.IGNORECASE)


def cargo(*arguments):
    command = ["cargo", *arguments, "--locked", "--color=never"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def packages():
    """Those that go into a binary: no build scripts' own, no procedural macros, no tests'."""
    metadata = json.loads(cargo("metadata", "--format-version=1", "--quiet"))
    known = {(package["name"], package["version"]): package for package in metadata["packages"]}
    used = set()
    for target in TARGETS:
        tree = cargo("tree", "--quiet", "--edges=normal,no-proc-macro", "--prefix=none", "--target", target)
        used.update(tuple(line.split()[:2]) for line in tree.splitlines())
    used = [known[name, version.removeprefix("v")] for name, version in sorted(used)]
    return [package for package in used if package["source"]]


def texts(package):
    """What the package's own files say of its licence, by their names."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = sorted(path for path in folder.iterdir() if path.is_file() and IS_NOTICE.match(path.name))
    if any(path.name.upper().startswith("LICENSE-MIT") for path in files):
        files = [path for path in files if not IS_OTHER_CHOICE.match(path.name)]
    if not files:
        sys.exit(f"toolchain/notices.py: {package['name']} {package['version']} brings no licence")
    return [path.read_text(encoding="utf-8", errors="replace").strip() for path in files]


def main():
    # Whose each text is: many crates share one.
    owners = {}
    summary = []
    for package in packages():
        name = f"{package['name']} {package['version']}"
        summary.append(f"{name}: {package['license'].replace('/', ' OR ')}")
        for text in texts(package):
            key = " ".join(text.split())
            owners.setdefault(key, (text, []))[1].append(name)
    # No toolchain has this text where another has it; it is ours but for whose it is.
    mit = (ROOT / "LICENSE-MIT").read_text(encoding="utf-8")
    rust = re.sub(r"Copyright .*", "Copyright (c) The Rust Project Contributors", mit, count=1)
    summary.append("Rust's standard library and what it is built with: MIT OR Apache-2.0")
    owners["rust"] = (rust.strip(), ["Rust's standard library"])
    summary.append("musl: MIT")
    if not MUSL.exists():
        sys.exit(f"toolchain/notices.py: {MUSL} is not there: toolchain/build.sh first")
    owners["musl"] = (MUSL.read_text(encoding="utf-8").strip(), ["musl"])

    print("alertik itself is MIT OR Apache-2.0. Its binaries contain, where a choice is given under the first of\n"
          "the licences whose text follows:\n")
    print("\n".join(summary))
    for text, names in owners.values():
        print(f"\n{'=' * 80}\n{', '.join(names)}\n{'-' * 80}\n\n{text}")


main()
