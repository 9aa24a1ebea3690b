#!/usr/bin/env python3
"""Holds the `az` commands of documents to the Azure CLI's own help: does the command exist, and each of its options?

    scripts/check-az-commands.py FILE...

Reads fenced blocks of Markdown and `run:` blocks of workflows, joins lines that end in a backslash, and takes every
`az` at the beginning of a command. Nothing is run but `az ... --help`.
"""

import re
import subprocess
import sys

# Options of every command, which the help of a command lists too, but under names that vary.
GLOBAL_OPTIONS = {"--query", "--output", "-o", "--subscription", "--only-show-errors"}


def commands_of(text):
    """The command lines that begin with `az`, also inside `$(...)`."""
    for line in text.replace("\\\n", " ").split("\n"):
        for found in re.finditer(r'(?:^\s*(?:- )?(?:run: )?|\$\(|&& |\| )az ([a-z][^|)]*)', line):
            yield "az " + found.group(1).strip()


def split(command):
    """The words of the command, and the options that it uses."""
    # What stands in quotes is a value, whatever it looks like.
    unquoted = re.sub(r"\"[^\"]*\"|'[^']*'", "VALUE", command)
    words, options = [], []
    for word in unquoted.split()[1:]:
        if word.startswith("-") and len(word) > 1:
            options.append(word.split("=")[0])
        elif not options and re.fullmatch(r"[a-z][a-z0-9-]*", word):
            words.append(word)
    return words, options


def help_of(words, known={}):
    key = tuple(words)
    if key not in known:
        asked = subprocess.run(["az", *words, "--help"], capture_output=True, text=True, check=False)
        known[key] = asked.stdout if asked.returncode == 0 else None
    return known[key]


def main(paths):
    problems, checked = [], 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            commands = sorted(set(commands_of(file.read())))
        for command in commands:
            checked += 1
            words, options = split(command)
            text = help_of(words)
            if text is None or "\nCommand\n" not in "\n" + text:
                problems.append(f"{path}: no such command: az {' '.join(words)}")
                continue
            for option in options:
                if option not in GLOBAL_OPTIONS and not re.search(rf"(^|\s){re.escape(option)}(\s|$)", text, re.M):
                    problems.append(f"{path}: az {' '.join(words)} has no option {option}")
    print("\n".join(problems) or f"{checked} az commands are as the Azure CLI describes them")
    return 1 if problems or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
