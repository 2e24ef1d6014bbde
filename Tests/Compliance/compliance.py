#!/usr/bin/env python3
"""Makes the page that says which requirement of the standards has a test, out of requirements.tsv and the tests' names.

    Tests/Compliance/compliance.py           writes the page
    Tests/Compliance/compliance.py --check   says whether the page is up to date, and fails if not
    Tests/Compliance/compliance.py --list    prints the identifiers that no test names yet
"""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
PAGE = TOP / "Sources/Appliance/Appliance.docc/Compliance.md"
IDENTIFIER = re.compile(r"\b(?:ADR|X46|I46|X64|I64|ERR|NAT|TCP|CGN|LOG|D64|PFX|EAM|FTP|DNS|ENC)-\d{2}\b")
# @Test("sentence" or @Test(\n "sentence"; a Swift string may hold escaped quotes.
SWIFT_TEST = re.compile(r'@Test\(\s*"((?:[^"\\]|\\.)*)"')
SHELL_TEST = re.compile(r'^it "((?:[^"\\]|\\.)*)"', re.MULTILINE)
# @case("X64-01", "sentence"): a case of real packets.
PACKET_CASE = re.compile(r'^@case\(\s*"([^"]+)",\s*"((?:[^"\\]|\\.)*)"', re.MULTILINE)

# test D64-01 sentence: a scenario.
SCENARIO = re.compile(r"^test (.+)$", re.MULTILINE)


class Requirement:
    def __init__(self, identifier, level, place, text):
        self.identifier, self.level, self.place, self.text = identifier, level, place, text
        self.tests = []


def read_requirements():
    """Sections in the order of the file: (title, requirements)."""
    sections = []
    for line in (HERE / "requirements.tsv").read_text().splitlines():
        if match := re.match(r"# ([A-Z0-9]{3}) (.+)", line):
            sections.append((match[2], []))
        elif line and not line.startswith("#"):
            sections[-1][1].append(Requirement(*line.split("\t")))
    return sections


def read_tests():
    """Every test: (file, name)."""
    for path in sorted((TOP / "Tests").rglob("*")):
        if any(part.startswith(".build") for part in path.parts):
            continue
        pattern = {".swift": SWIFT_TEST, ".sh": SHELL_TEST, ".py": PACKET_CASE, ".txt": SCENARIO}.get(path.suffix)
        if pattern and path.is_file():
            for match in pattern.finditer(path.read_text()):
                yield path.relative_to(TOP), " ".join(match.groups()).replace('\\"', '"')


def cell(text):
    return text.replace("|", "\\|")


def page(sections):
    every = [requirement for _, requirements in sections for requirement in requirements]
    tested = [requirement for requirement in every if requirement.tests]
    must = [requirement for requirement in every if requirement.level.startswith("MUST")]
    lines = [
        "# What the standards ask for, and which test shows it",
        "",
        "Made by `Tests/Compliance/compliance.py` from the names of the tests; `make check` holds it against them.",
        "",
        f"{len(tested)} of {len(every)} requirements have a test, of those that are a MUST or MUST NOT",
        f"{sum(1 for requirement in must if requirement.tests)} of {len(must)}. An asterisk marks a choice of this project or field practice.",
    ]
    for title, requirements in sections:
        done = sum(1 for requirement in requirements if requirement.tests)
        lines += ["", f"## {title}", "", f"{done} of {len(requirements)}", ""]
        lines += ["| Requirement | Level | Place | What it asks for | Test |", "| --- | --- | --- | --- | --- |"]
        for r in requirements:
            tests = "<br>".join(f"{cell(name)} ({path})" for path, name in r.tests) or "none yet"
            lines.append(f"| {r.identifier} | {r.level} | {r.place} | {cell(r.text)} | {tests} |")
    return "\n".join(lines) + "\n"


def main():
    sections = read_requirements()
    known = {requirement.identifier: requirement for _, requirements in sections for requirement in requirements}
    unknown = []
    for path, name in read_tests():
        found = list(dict.fromkeys(IDENTIFIER.findall(name)))
        sentence = re.sub(rf"^(?:{IDENTIFIER.pattern}[\s,:]*(?:and )?)+", "", name)
        for identifier in found:
            if identifier in known:
                known[identifier].tests.append((path, sentence))
            else:
                unknown.append(f"{path}: {identifier} is no requirement: {name}")
    if unknown:
        sys.exit("\n".join(unknown))
    if "--list" in sys.argv:
        print("\n".join(identifier for identifier, requirement in known.items() if not requirement.tests))
        return
    text = page(sections)
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text() != text:
            sys.exit(f"{PAGE.relative_to(TOP)} is not up to date; run: make fmt")
        return
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text)
    print(text.split("\n\n")[2].replace("\n", " "))


main()
