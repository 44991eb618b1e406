#!/usr/bin/python3
# Which room may include which, tried out: rooms_test.py BUILD_DIRECTORY
#
# For every room, with the very compiler arguments that its library is built with: an include from a room that it may
# not see must fail, one from a room that it may see must succeed, and each of its headers must compile on its own.
# A header that a source of the room's library includes before anything else has been compiled so by the build.
# The table below is written from docs/architecture.md, not read from meson.build, so that an edge which slips into
# the build is seen here. The last line is "N passed, N failed".
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

MAY_INCLUDE = {
    "config": set(),
    "commands": {"config"},
    "packet": {"config"},
    "state": {"config"},
    "crypto": {"config", "packet", "state"},
    "sa": {"config", "packet", "state", "crypto"},
    "transform": {"config", "packet", "state", "crypto", "sa"},
    "route": {"config", "packet", "state"},
    "engine": {"config", "packet", "state", "crypto", "sa", "transform", "route"},
    "control": {"config", "commands", "packet", "state", "crypto", "sa", "transform", "route", "engine"},
    "cli": {"config", "commands"},
}
FOLDER = {
    room: ("dataplane/" if room in ("packet", "state", "crypto", "sa", "transform", "route", "engine") else "") + room
    for room in MAY_INCLUDE
}


def compile_command(build, room):
    """The command line of the room's library, without its output and its source."""
    targets = json.loads(subprocess.run(["meson", "introspect", "--targets", build], check=True, text=True,
                                        stdout=subprocess.PIPE).stdout)
    for target in targets:
        if target["name"] == room and target["type"] == "static library":
            for group in target["target_sources"]:
                if group.get("language") == "cpp":
                    compiler = [word for word in group["compiler"] if os.path.basename(word) != "ccache"]
                    return compiler + group["parameters"]
    raise SystemExit(f"rooms_test: the build has no library for the room {room}")


def compiles(build, command, text):
    result = subprocess.run(command + ["-fsyntax-only", "-x", "c++", "-"], input=text, text=True, cwd=build,
                            capture_output=True)
    return result.returncode == 0, result.stderr


def headers_of(root, room):
    folder = root / FOLDER[room]
    return sorted(f"{room}/{path.relative_to(folder)}" for path in folder.rglob("*.h"))


def is_first_in_its_source(root, room, header):
    source = (root / FOLDER[room] / header.removeprefix(room + "/")).with_suffix(".cpp")
    if not source.exists():
        return False
    first = re.search(r"^\s*#.*$", source.read_text(), re.MULTILINE)
    return first is not None and first[0].strip() == f'#include "{header}"'


def main():
    build = os.path.abspath(sys.argv[1])
    root = pathlib.Path(__file__).resolve().parents[2]
    commands = {room: compile_command(build, room) for room in MAY_INCLUDE}
    headers = {room: headers_of(root, room) for room in MAY_INCLUDE}

    def forbidden(room, other):
        """A forbidden include fails, and for the reason that the header is not to be seen."""
        target = headers[other][0]
        ok, errors = compiles(build, commands[room], f'#include "{target}"\n')
        if ok:
            return f"{room} can include {target}, though it may not see the room {other}"
        if f"{target}: No such file" not in errors and f"'{target}' file not found" not in errors:
            return f"{room} fails on {target}, but not because it cannot see it:\n{errors}"
        return ""

    def self_contained(room, header):
        ok, errors = compiles(build, commands[room], f'#include "{header}"\n')
        return "" if ok else f"{header} does not compile on its own:\n{errors}"

    def allowed(room, other):
        # Any header of the other room must be found; whether it compiles is that room's own test.
        target = headers[other][0]
        ok, _ = compiles(build, commands[room],
                         f'#if !__has_include("{target}")\n#error unseen\n#endif\n')
        return "" if ok else f"{room} does not see {target}, though it may include the room {other}"

    tests = []
    for room, visible in MAY_INCLUDE.items():
        for other in MAY_INCLUDE:
            if other != room and headers[other]:
                kind = allowed if other in visible else forbidden
                tests.append((kind, room, other))
        tests += [(self_contained, room, header) for header in headers[room]
                  if not is_first_in_its_source(root, room, header)]

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [(test, pool.submit(*test)) for test in tests]
        for (kind, room, what), job in jobs:
            problem = job.result()
            if problem:
                failed += 1
                print(f"FAILED rooms: {problem}", flush=True)
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
