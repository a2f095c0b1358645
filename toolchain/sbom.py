#!/usr/bin/env python3
"""Says what the static binaries are made of, in two files:

    dist/alertik-<version>.cdx.json    a bill of materials, as CycloneDX 1.5
    dist/NOTICES                       the licence texts that must go with the binaries

After toolchain/build.sh, which fetches what is linked in. A crate that may be had under the Apache License
is taken under that, so that one text (LICENSE-APACHE) serves for most; of the others each text stands in
NOTICES once. Only what is in the binary counts: no crate that merely builds it or tests it.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ZIG = ROOT / "target/zig"
TARGETS = [
    "armv5te-unknown-linux-musleabi",
    "arm-unknown-linux-musleabi",
    "armv7-unknown-linux-musleabihf",
    "aarch64-unknown-linux-musl",
    "x86_64-unknown-linux-musl",
]
TEXTS = ("LICENSE", "LICENCE", "COPYING", "NOTICE")


def cargo(*arguments):
    return subprocess.run(
        ["cargo", *arguments, "--locked"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def linked_crates():
    """The packages of all targets' binaries, our own first, each with the ids of those it uses."""
    metadata = json.loads(cargo("metadata", "--format-version", "1"))
    # cargo metadata would also name what a feature that only the tests want brings; cargo tree does not.
    linked = set()
    for target in TARGETS:
        edges = ["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]
        linked.update(tuple(line.split()[:2]) for line in cargo("tree", "--target", target, *edges).splitlines())
    packages = [p for p in metadata["packages"] if (p["name"], "v" + p["version"]) in linked]
    ids = {package["id"] for package in packages}
    uses = {
        node["id"]: sorted(dependency["pkg"] for dependency in node["deps"] if dependency["pkg"] in ids)
        for node in metadata["resolve"]["nodes"]
    }
    own = metadata["resolve"]["root"]
    packages.sort(key=lambda package: (package["id"] != own, package["name"], package["version"]))
    return [(package, uses[package["id"]]) for package in packages]


def checksums():
    """What Cargo.lock says of each crate."""
    entries = (ROOT / "Cargo.lock").read_text().split("[[package]]\n")[1:]
    for entry in entries:
        values = dict(line.split(" = ", 1) for line in entry.splitlines() if " = " in line)
        yield tuple(values[name].strip('"') for name in ("name", "version")), values.get("checksum", "").strip('"')


def expression(package):
    """Its licence as SPDX writes it. Old crates have a slash for OR."""
    return package["license"].replace("/", " OR ")


def bill(crates):
    """The bill of materials."""
    sums = dict(checksums())

    def component(package, kind):
        name, version = package["name"], package["version"]
        purl = f"pkg:cargo/{name}@{version}"
        entry = {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}
        entry["licenses"] = [{"expression": expression(package)}]
        if sums.get((name, version)):
            entry["hashes"] = [{"alg": "SHA-256", "content": sums[name, version]}]
        return entry

    def carried(name, licence, description):
        return {
            "type": "library",
            "bom-ref": name,
            "name": name,
            "description": description,
            "licenses": [{"expression": licence}],
        }

    (own, _), *others = crates
    components = [component(package, "library") for package, _ in others]
    # What the compiler and the linker add; Cargo knows nothing of it.
    added = [
        carried("musl", "MIT", f"the C library, as zig {zig_version()} brings it"),
        carried("rust-std", "MIT OR Apache-2.0", "Rust's standard library, of the compiler that built it"),
    ]
    by_id = {package["id"]: f"pkg:cargo/{package['name']}@{package['version']}" for package, _ in crates}
    dependencies = [
        {"ref": by_id[package["id"]], "dependsOn": [by_id[use] for use in uses]} for package, uses in crates
    ]
    dependencies[0]["dependsOn"] += [entry["bom-ref"] for entry in added]
    metadata = {"component": component(own, "application")}
    if "SOURCE_DATE_EPOCH" in os.environ:
        when = time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))
        metadata = {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", when), **metadata}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": metadata,
        "components": components + added,
        "dependencies": dependencies,
    }


def zig_version():
    found = [path.name for path in ZIG.glob("ziglang-*.dist-info")]
    if not found:
        sys.exit("toolchain/sbom.py: target/zig is not there; run toolchain/build.sh first")
    return found[0].removeprefix("ziglang-").removesuffix(".dist-info")


def notices(crates):
    """The licence texts."""
    by_apache, texts = [], {}

    def add(name, files):
        for path in files:
            texts.setdefault(path.read_text().strip().replace("\r\n", "\n"), []).append(name)

    (own, _), *others = crates
    for package, _ in others:
        name = f"{package['name']} {package['version']} ({expression(package)})"
        files = sorted(pathlib.Path(package["manifest_path"]).parent.iterdir())
        if "Apache-2.0" in expression(package).split(" OR "):
            by_apache.append(name)
            add(name, [path for path in files if path.name.upper().startswith("NOTICE")])
            continue
        files = [path for path in files if path.is_file() and path.name.upper().startswith(TEXTS)]
        if not files:
            sys.exit(f"toolchain/sbom.py: {name} comes without the text of its licence")
        add(name, files)
    by_apache.append("Rust's standard library (MIT OR Apache-2.0)")
    add("musl (MIT)", [ZIG / "ziglang/lib/libc/musl/COPYRIGHT"])
    add(f"the run-time library of zig {zig_version()} (MIT)", [ZIG / "ziglang/LICENSE"])

    def listed(names):
        return "".join(f"* {name}\n" for name in names)

    rule = "=" * 80 + "\n"
    yield f"alertik {own['version']} may be had under the MIT License (LICENSE-MIT) or the Apache License 2.0\n"
    yield "(LICENSE-APACHE). Its binaries also hold what others have written.\n\n"
    yield f"Under the Apache License 2.0:\n\n{listed(by_apache)}"
    for text, names in texts.items():
        yield f"\n{rule}{listed(names)}{rule}\n{text}\n"


def main():
    crates = linked_crates()
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    version = crates[0][0]["version"]
    (dist / f"alertik-{version}.cdx.json").write_text(json.dumps(bill(crates), indent=1) + "\n")
    (dist / "NOTICES").write_text("".join(notices(crates)))


main()
