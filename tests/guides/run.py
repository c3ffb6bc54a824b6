"""Runs the blocks of README.md and docs/guide/*.md against a binary.

The first word after a block's opening fence is its language, the second marks how the block is checked:

    ```sh             runs; all blocks of a file run in order, in one shell and one folder of their own
    ```LANGUAGE FILE  is saved as FILE in that folder, before the next shell block runs
    ```LANGUAGE output    must be what the shell block before it prints
    ```yaml compose.yaml  is saved too, and the containers of cf-packages in it are started without their image
    ```text           is an illustration and is not checked
    ```json, ```toml  without a second word are illustrations too

A block of another language, as `python`, without a second word is an error: it would go unchecked.

A shell block whose last command is `cf-packages serve` in the foreground is what a reader runs in a second terminal:
the server runs in the background until the next such block, or to the end of the file. `127.0.0.1:8080` is replaced by
an address with a free port.
"""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target/guides/run"
ILLUSTRATIONS = {"text", "json", "toml"}
SERVE = re.compile(r"(cf-packages|cargo run --release --) serve\b")
ADDRESS = "127.0.0.1:8080"
JUNIT = "/usr/share/java/junit-platform-console-standalone.jar"
# Seconds for one file; the first build of the recipe in Rust takes most of it.
TIMEOUT = 3600

PRELUDE = r"""
set -euo pipefail
server=
stop_server() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; }
    server=
}
# serve BLOCK COMMAND: the server of a block, awaited.
serve() {
    stop_server
    mkfifo "$BLOCKS/$1.stdin"
    # Keeps the standard input open, as a terminal does.
    exec 9<>"$BLOCKS/$1.stdin"
    bash -c "exec $2" <"$BLOCKS/$1.stdin" 9>&- >"$BLOCKS/$1.listening" &
    server=$!
    for _ in $(seq 600); do
        ! grep -q '^listening on ' "$BLOCKS/$1.listening" || return 0
        kill -0 "$server" || return 1
        sleep 0.1
    done
    return 1
}
trap 'status=$?; kill $(jobs -p) 2>/dev/null || true; exit $status' EXIT
"""

# `cargo run` runs the given binary. What builds or tests this repository is .ci/run's to run. A recipe's own tests
# share the dependencies that are built in target/ already.
CARGO = r"""#!/usr/bin/env bash
set -euo pipefail
case "$*" in
"run --release -- "*)
    shift 3
    exec cf-packages "$@"
    ;;
esac
if [ ! -e Cargo.toml ]; then
    grep -q "cargo $*" {root}/.ci/run && exit
    echo "neither .ci/run nor this test runs \`cargo $*\`" >&2
    exit 1
fi
export CARGO_TARGET_DIR={root}/target
cp {root}/Cargo.lock .
exec {cargo} "$@"
"""


class Block:
    """A fenced block of a Markdown file."""

    def __init__(self, number, line, info, text):
        self.number, self.line, self.text = number, line, text
        self.language, _, self.mark = info.partition(" ")
        self.runs = self.language == "sh" and not self.mark


def blocks(markdown):
    """The fenced blocks, in order."""
    found, opened = [], None
    for line, text in enumerate(markdown.splitlines(), 1):
        # A block within a list item is indented.
        indent = len(text) - len(text.lstrip())
        if opened is None and text.lstrip().startswith("```"):
            opened = (line, indent, text.strip()[3:].strip(), [])
        elif opened is not None and text.strip() == "```":
            found.append(Block(len(found), opened[0], opened[2], "".join(f"{line}\n" for line in opened[3])))
            opened = None
        elif opened is not None:
            opened[3].append(text[min(indent, opened[1]):])
    return found


def commands(text):
    """The lines of a shell block, continued lines joined, without comments and blank lines."""
    lines = text.replace("\\\n", "").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def steps(block):
    """What the shell does for one block."""
    if block.runs:
        lines = commands(block.text)
        last = lines[-1] if lines else ""
        if SERVE.match(last) and not last.split(" #")[0].rstrip().endswith("&"):
            for line in lines[:-1]:
                yield line
            yield f"serve {block.number} {shlex.quote(last)}"
        else:
            yield f"{{\n{block.text}}} >$BLOCKS/{block.number}.output"
    elif block.mark and block.mark != "output":
        saved = f"$BLOCKS/{block.number}.saved"
        yield f'mkdir -p "$(dirname {block.mark})"; cp {saved} {block.mark}'
    if block.mark == "compose.yaml":
        yield from containers(block)


def containers(block):
    """What the shell does for the servers of a file of Docker Compose: it starts each with its flags and variables."""
    for service in yaml.safe_load(block.text)["services"].values():
        if service.get("image") == "cf-packages":
            variables = [f"{name}={value}" for name, value in service["environment"].items()]
            yield f"serve {block.number} {shlex.quote(shlex.join(['env', *variables, 'cf-packages', *service['command']]))}"
            yield "stop_server"


def check(file, program, tools):
    """Runs the blocks of one file; returns what is wrong, or nothing."""
    name = str(file.relative_to(ROOT))
    folder = WORK / file.stem
    records = WORK / f"{file.stem}.blocks"
    folder.mkdir()
    records.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    found = blocks(file.read_text())
    script, before = [PRELUDE], None
    for block in found:
        if not (block.runs or block.mark or block.language in ILLUSTRATIONS):
            return f"{name}:{block.line}: the block `{block.language}` is not checked; name its file, or mark it `text`"
        block.text = block.text.replace(ADDRESS, address)
        if block.mark:
            (records / f"{block.number}.saved").write_text(block.text)
        script.append(f"echo {block.line} >$BLOCKS/line")
        script.extend(steps(block))
        block.printed_by = before
        before = block.number if block.runs else None
    script.append("stop_server\n")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CF_PACKAGES_")}
    environment |= {
        "BLOCKS": str(records),
        "CF_PACKAGES_LISTEN": address,
        "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "JUNIT": JUNIT,
        "GOCACHE": str(ROOT / "target/guides/go"),
        "GOPATH": str(ROOT / "target/guides/gopath"),
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    ran = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder, env=environment, timeout=TIMEOUT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )
    if ran.returncode != 0:
        line = (records / "line").read_text().strip()
        block = next(block for block in found if str(block.line) == line)
        output = records / f"{block.number}.output"
        printed = output.read_text(errors="replace") if output.exists() else ""
        return f"{name}:{line}: exit code {ran.returncode}\n{block.text}--\n{printed}{ran.stdout}"
    for block in found:
        if block.mark == "output":
            if block.printed_by is None:
                return f"{name}:{block.line}: the block before this output is not a shell block"
            printed = (records / f"{block.printed_by}.output").read_text()
            if printed.rstrip() != block.text.rstrip():
                return f"{name}:{block.line}: printed was\n{printed}\n-- but the guide shows\n{block.text}"
    return None


def broken_links(file):
    """Relative links that lead to no file."""
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", file.read_text()):
        if "://" not in target and not (file.parent / target).exists():
            yield f"{file.relative_to(ROOT)}: the link `{target}` leads to no file"


def main():
    program = Path(sys.argv[1]).resolve()
    files = [Path(name).resolve() for name in sys.argv[2:]]
    files = files or [ROOT / "README.md", *sorted((ROOT / "docs/guide").glob("*.md"))]
    shutil.rmtree(WORK, ignore_errors=True)
    tools = WORK / "tools"
    tools.mkdir(parents=True)
    (tools / "cf-packages").symlink_to(program)
    cargo = CARGO.format(root=shlex.quote(str(ROOT)), cargo=shlex.quote(shutil.which("cargo")))
    (tools / "cargo").write_text(cargo)
    (tools / "cargo").chmod(0o755)
    # A recipe in Rust refers to a checkout beside it, and is built as this repository's own tests are.
    (WORK / "cf-packages").symlink_to(ROOT)
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    (WORK / ".cargo").mkdir()
    (WORK / ".cargo/config.toml").write_text(dev_profile(manifest))
    faults = [fault for file in files for fault in broken_links(file)]
    for file in files:
        fault = check(file, program, tools)
        print(f"{file.relative_to(ROOT)}: {'failed' if fault else 'every block works'}", flush=True)
        faults += [fault] if fault else []
    if faults:
        sys.exit("\n".join(faults))


def dev_profile(manifest):
    """The repository's profile for tests, in the form of a configuration of cargo."""
    lines = []

    def table(name, values):
        lines.append(f"[{name}]")
        lines.extend(f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
                     for key, value in values.items() if not isinstance(value, dict))
        for key, value in values.items():
            if isinstance(value, dict):
                table(f'{name}."{key}"', value)

    table("profile.dev", manifest.get("profile", {}).get("dev", {}))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
