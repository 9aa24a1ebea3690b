"""The part of scripts/mutants.sh that weaves all mutants into one build and runs the tests against each.

cargo-mutants says what the mutants are; it would build the gateway once for each. Here a function that has mutants
becomes a `match` with one arm for each mutated body and one for its own, and a variable of the environment says which
arm runs. So there are a few builds instead of a thousand, and a mutant costs one run of the unit tests.
A woven `const fn` is no longer one. Mutants that cannot be woven (outside functions, in a function that constants
call, in one that returns `impl Trait`) are built one by one.

Standard library only.
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
WORK = TARGET / "mutants"
TREE = WORK / "tree"
VARIABLE = "FOUNDRY_GATEWAY_MUTANT"
# The unit tests take about a second of processor time; a mutant that takes this many does not end by itself.
PROCESSOR_SECONDS = 20
# One that waits for what does not come uses no processor time.
WALL_SECONDS = 180
MEMORY_BYTES = 6 << 30
MOST_BUILDS = 12
WANTED_SCORE = 90.0

SWITCH = f"""
/// Which mutant runs: 0 for none.
#[doc(hidden)]
pub fn active_mutant() -> u32 {{
    static ACTIVE: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *ACTIVE.get_or_init(|| std::env::var("{VARIABLE}").ok().and_then(|text| text.parse().ok()).unwrap_or(0))
}}
"""


@dataclass
class Mutant:
    number: int
    name: str
    file: str
    # With its type: `RawFields<'a>::iter`.
    function_name: str
    function: tuple[int, int]
    span: tuple[int, int]
    replacement: str
    outcome: str = ""
    told_by: str = ""
    # In a function that constants call.
    apart: bool = False
    # First and last line of its arm in the woven file.
    lines: tuple[int, int] = field(default=(0, 0))


def main() -> int:
    arguments = parse_arguments()
    copy_tree()
    mutants = list_mutants(arguments)
    if not mutants:
        print("scripts/mutants.sh: no mutant matches", file=sys.stderr)
        return 64
    print(f"{len(mutants)} mutants", flush=True)
    try:
        run(mutants, arguments.jobs)
    except KeyboardInterrupt:
        print("scripts/mutants.sh: stopped before all mutants had run", file=sys.stderr)
    return report(mutants)


def run(mutants: list[Mutant], jobs: int) -> None:
    woven = [mutant for mutant in mutants if can_be_woven(mutant)]
    if woven:
        program = build_woven(woven)
        outcome, failed = run_tests(program, 0, "")
        if outcome != "missed":
            sys.exit(f"scripts/mutants.sh: the unit tests fail without any mutant: {failed}")
        viable = [mutant for mutant in woven if not mutant.outcome and not mutant.apart]
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            try:
                for done, _ in enumerate(pool.map(lambda mutant: judge(program, mutant), viable), 1):
                    if done % 100 == 0:
                        print(f"{done} of {len(viable)} run", flush=True)
            except KeyboardInterrupt:
                pool.shutdown(cancel_futures=True)
                raise
    apart = [mutant for mutant in mutants if not mutant.outcome]
    print(f"{len(apart)} are built one by one", flush=True)
    for mutant in apart:
        judge_apart(mutant)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/mutants.sh", description="Mutation tests of the pure modules.")
    parser.add_argument("--file", action="append", default=[], help="only mutants of files that match this glob")
    parser.add_argument("--re", action="append", default=[], help="only mutants whose name matches this expression")
    parser.add_argument("--shard", default="0/1", help="K/N: every Nth mutant, beginning with the Kth; K counts from 0")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many run at a time")
    return parser.parse_args()


# === The mutants


def list_mutants(arguments: argparse.Namespace) -> list[Mutant]:
    command = ["cargo", "mutants", "--list", "--json", "--package", "foundry-gateway", "--colors", "never"]
    for value in arguments.re:
        command += ["--re", value]
    listed = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    shard, shards = (int(part) for part in arguments.shard.split("/"))
    mutants = []
    for number, entry in enumerate(listed, 1):
        if number % shards != (shard + 1) % shards:
            continue
        # cargo-mutants would add these files to those of its configuration.
        if arguments.file and not any(fnmatch.fnmatch(entry["file"], glob) for glob in arguments.file):
            continue
        text = (ROOT / entry["file"]).read_text()
        function = entry["function"]
        mutants.append(
            Mutant(
                number=number,
                name=entry["name"],
                file=entry["file"],
                function_name=function["function_name"] if function else "",
                function=offsets(text, function["span"]) if function else (0, 0),
                span=offsets(text, entry["span"]),
                replacement=entry["replacement"],
            )
        )
    # A function within a function is woven with the outer one.
    for mutant in mutants:
        around = [other.function for other in mutants if other.file == mutant.file and surrounds(other, mutant)]
        mutant.function = min(around, default=mutant.function)
    return mutants


def surrounds(outer: Mutant, inner: Mutant) -> bool:
    return outer.function[0] < inner.function[0] and inner.function[1] < outer.function[1]


def offsets(text: str, span: dict) -> tuple[int, int]:
    """Lines and columns count from one, columns in characters."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return tuple(starts[span[end]["line"] - 1] + span[end]["column"] - 1 for end in ("start", "end"))


def can_be_woven(mutant: Mutant) -> bool:
    start, end = mutant.function
    if start == end:
        return False
    text = (ROOT / mutant.file).read_text()
    signature = text[start : body_of(text, start, end)[0]]
    return not re.search(r"->[^{]*\bimpl\b", signature)


def body_of(text: str, start: int, end: int) -> tuple[int, int]:
    """What is between the braces of the function in `text[start:end]`, whose attributes and comments come first."""
    without = re.sub(r"//[^\n]*|\"(?:\\.|[^\"\\])*\"", lambda found: " " * len(found.group()), text[start:end])
    keyword = re.search(r"\bfn\b", without)
    assert keyword, text[start:end]
    return start + without.index("{", keyword.end()) + 1, end - 1


# === The woven tree


def copy_tree() -> None:
    """Copies what git knows, and leaves alone what has not changed, so that builds stay incremental."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, stdout=subprocess.PIPE
    ).stdout
    wanted = {name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()}
    for path in TREE.rglob("*") if TREE.exists() else []:
        if path.is_file() and str(path.relative_to(TREE)) not in wanted:
            path.unlink()
    for name in wanted:
        if not name.startswith("src/"):
            write(name, (ROOT / name).read_bytes())
            shutil.copymode(ROOT / name, TREE / name)


def write(name: str, content: bytes) -> None:
    path = TREE / name
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write_sources(changed: dict[str, str]) -> None:
    for path in ROOT.glob("src/**/*"):
        if path.is_file():
            name = str(path.relative_to(ROOT))
            text = changed.get(name, path.read_text())
            write(name, (text + SWITCH if name == "src/lib.rs" else text).encode())


def weave(file: str, mutants: list[Mutant]) -> str:
    text = (ROOT / file).read_text()
    functions = collections.defaultdict(list)
    for mutant in mutants:
        functions[mutant.function].append(mutant)
    woven, position = "", 0
    for (start, end), inside in sorted(functions.items()):
        assert position <= start, f"{file}: a function within a function"
        body_start, body_end = body_of(text, start, end)
        signature = re.sub(r"\bconst fn\b", "fn", text[start:body_start])
        woven += text[position:start] + signature + "\nmatch crate::active_mutant() {"
        for mutant in inside:
            first, last = mutant.span
            body = f"{text[body_start:first]}{mutant.replacement}{text[last:body_end]}"
            woven += f"\n{mutant.number} => {{"
            begins = woven.count("\n") + 1
            woven += body
            mutant.lines = (begins, woven.count("\n") + 1)
            woven += "\n}"
        woven += f"\n_ => {{{text[body_start:body_end]}}}\n}}\n"
        position = body_end
    return woven + text[position:]


def build_woven(mutants: list[Mutant]) -> Path:
    """Builds, takes out what the compiler refuses, and builds again: the phases of the compiler hide each other."""
    for attempt in range(1, MOST_BUILDS + 1):
        by_file = collections.defaultdict(list)
        for mutant in mutants:
            if not mutant.outcome and not mutant.apart:
                by_file[mutant.file].append(mutant)
        write_sources({file: weave(file, inside) for file, inside in by_file.items()})
        program, errors = build()
        if program:
            return program
        refused = 0
        for error in errors:
            guilty = [mutant for place in places(error) for mutant in by_file[place[0]] if is_within(place[1], mutant)]
            for mutant in guilty[:1]:
                refused += not mutant.outcome
                mutant.outcome, mutant.told_by = "unviable", error["message"]
            if (error["code"] or {}).get("code") == "E0015":
                for mutant in mutants:
                    if not mutant.apart and is_named(mutant, error["message"]):
                        mutant.apart, refused = True, refused + 1
        print(f"build {attempt}: the compiler refuses {refused}", flush=True)
        if not refused:
            break
    sys.exit("scripts/mutants.sh: what is left cannot be built:\n" + "\n".join(error["rendered"] for error in errors[:5]))


def is_named(mutant: Mutant, message: str) -> bool:
    """Whether a message is about the function of the mutant: "cannot call non-const function `a::b::f` in constants"."""
    words = re.findall(r"`([^`]*)`", message)
    return bool(words) and f"::{words[0]}".endswith(f"::{mutant.function_name}")


def is_within(line: int, mutant: Mutant) -> bool:
    return mutant.lines[0] <= line <= mutant.lines[1]


def places(error: dict) -> list[tuple[str, int]]:
    """Where an error is, the primary places first; in a macro, where that is called."""
    found = []
    for span in sorted(error["spans"], key=lambda span: not span["is_primary"]):
        while span:
            found.append((span["file_name"], span["line_start"]))
            span = (span["expansion"] or {}).get("span")
    return found


def build() -> tuple[Path | None, list[dict]]:
    command = ["cargo", "rustc", "--package", "foundry-gateway", "--lib", "--profile", "test", "--locked", "--quiet"]
    command += ["--message-format", "json", "--", "--cap-lints", "allow"]
    if shutil.which("mold"):
        command += ["-C", "link-arg=-fuse-ld=mold"]
    built = subprocess.run(
        command, cwd=TREE, env={**os.environ, "CARGO_TARGET_DIR": str(TARGET)}, stdout=subprocess.PIPE, text=True
    )
    program, errors = None, []
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and message["executable"]:
            program = Path(message["executable"])
        elif message["reason"] == "compiler-message" and message["message"]["level"].startswith("error"):
            errors.append(message["message"])
    return (program if built.returncode == 0 else None), errors


# === The tests


def judge(program: Path, mutant: Mutant) -> None:
    # Tests of the neighbourhood first: most mutants need no more.
    path = Path(mutant.file).with_suffix("").parts[1:]
    for tests in ("::".join(path[:-1] or path), ""):
        mutant.outcome, mutant.told_by = run_tests(program, mutant.number, tests)
        if mutant.outcome != "missed":
            return
    print(f"missed {mutant.name}", flush=True)


def run_tests(program: Path, number: int, tests: str) -> tuple[str, str]:
    environment = {**os.environ, VARIABLE: str(number), "INSTA_UPDATE": "no", "RUST_MIN_STACK": str(64 << 20)}
    try:
        ran = subprocess.run(
            [program, "--test-threads", "1", *([tests] if tests else [])],
            cwd=TREE,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=WALL_SECONDS,
            preexec_fn=set_limits,
        )
    except subprocess.TimeoutExpired:
        return "timeout", f"{WALL_SECONDS} s"
    if ran.returncode == 0:
        return "missed", ""
    if -ran.returncode in (9, 24):
        return "timeout", f"{PROCESSOR_SECONDS} s of processor time"
    failed = re.findall(r"^test (\S+).* FAILED$", ran.stdout.decode(errors="replace"), re.MULTILINE)
    return "caught", ", ".join(failed[:3]) or f"exit status {ran.returncode}"


def set_limits() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def judge_apart(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text()
    first, last = mutant.span
    write_sources({mutant.file: text[:first] + mutant.replacement + text[last:]})
    program, errors = build()
    if program:
        judge(program, mutant)
    elif errors:
        mutant.outcome, mutant.told_by = "unviable", errors[0]["message"]
    else:
        sys.exit(f"scripts/mutants.sh: cargo failed without saying why at {mutant.name}")


# === The result


def report(mutants: list[Mutant]) -> int:
    outcomes = ["caught", "timeout", "missed", "unviable"]
    for mutant in mutants:
        mutant.outcome = mutant.outcome or "not run"
    if any(mutant.outcome == "not run" for mutant in mutants):
        outcomes.append("not run")
    counts = collections.defaultdict(collections.Counter)
    for mutant in mutants:
        counts[mutant.file][mutant.outcome] += 1
        counts["all"][mutant.outcome] += 1
    (WORK / "outcomes.json").write_text(
        json.dumps(
            [{"name": m.name, "outcome": m.outcome, "told_by": m.told_by} for m in mutants], indent=1, ensure_ascii=False
        )
    )
    print(f"\n| file | mutants | {' | '.join(outcomes)} | score |\n| --- |{' ---: |' * (len(outcomes) + 2)}")
    for file, count in sorted(counts.items(), key=lambda item: (item[0] == "all", item[0])):
        numbers = " | ".join(str(count[outcome]) for outcome in outcomes)
        print(f"| `{file}` | {count.total()} | {numbers} | {score(count):.1f} % |")
    print("\nmissed:")
    for mutant in mutants:
        if mutant.outcome == "missed":
            print(f"  {mutant.name}")
    reached = score(counts["all"])
    print(f"\nscore: {reached:.1f} % of the viable mutants are caught; {WANTED_SCORE:.0f} % are wanted")
    return 0 if WANTED_SCORE <= reached and "not run" not in outcomes else 1


def score(count: collections.Counter) -> float:
    found = count["caught"] + count["timeout"]
    viable = found + count["missed"]
    return 100.0 * found / viable if viable else 100.0


if __name__ == "__main__":
    sys.exit(main())
