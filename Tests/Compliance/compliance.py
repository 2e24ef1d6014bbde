#!/usr/bin/env python3
"""Makes the page that says which requirement of the standards has a test, out of requirements.tsv and the tests' names.
What has none and never will stands in reasons.tsv: identifier, tabulator, why.

    Tests/Compliance/compliance.py           writes the page
    Tests/Compliance/compliance.py --check   fails if the page is out of date, or a requirement of the sections that are
                                             done has neither a test nor a reason, or both
    Tests/Compliance/compliance.py --list    prints the identifiers that have neither yet
"""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
PAGE = TOP / "Sources/Appliance/Appliance.docc/Compliance.md"
IDENTIFIER = re.compile(r"\b(?:ADR|X46|I46|X64|I64|ERR|NAT|TCP|CGN|LOG|D64|PFX|EAM|FTP|DNS|ENC)-\d{2}\b")
# The requirements that must have a test or a reason: the translator's.
DONE = re.compile(r"(?:ADR|X46|I46|X64|I64|ERR|NAT|TCP|CGN|D64|PFX|DNS|ENC)-\d{2}|EAM-(?:0[789]|10)")
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
        self.reason = None


def read_requirements():
    """Sections in the order of the file: (title, requirements)."""
    sections = []
    for line in (HERE / "requirements.tsv").read_text().splitlines():
        if match := re.match(r"# ([A-Z0-9]{3}) (.+)", line):
            sections.append((match[2], []))
        elif line and not line.startswith("#"):
            sections[-1][1].append(Requirement(*line.split("\t")))
    return sections


def read_reasons(known):
    """Gives requirements their reasons; returns what is wrong with the file."""
    for line in (HERE / "reasons.tsv").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        identifier, _, reason = line.partition("\t")
        if identifier not in known or not reason:
            yield f"Tests/Compliance/reasons.tsv: {identifier} is no requirement, or has no reason"
        else:
            known[identifier].reason = reason


def gaps(every):
    """What has neither a test nor a reason although it must, and what has both."""
    for requirement in every:
        if requirement.tests and requirement.reason:
            yield f"{requirement.identifier} has a test; take its reason out of Tests/Compliance/reasons.tsv"
        if not requirement.tests and not requirement.reason and DONE.fullmatch(requirement.identifier):
            yield f"{requirement.identifier} has neither a test nor a reason in Tests/Compliance/reasons.tsv"


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
        "",
        f"{sum(1 for requirement in every if requirement.reason)} more are not claimed, for the reason that stands there.",
    ]
    for title, requirements in sections:
        done = sum(1 for requirement in requirements if requirement.tests)
        lines += ["", f"## {title}", "", f"{done} of {len(requirements)}", ""]
        lines += ["| Requirement | Level | Place | What it asks for | Test |", "| --- | --- | --- | --- | --- |"]
        for r in requirements:
            tests = "<br>".join(f"{cell(name)} ({path})" for path, name in r.tests)
            tests = tests or (f"Not claimed: {cell(r.reason)}" if r.reason else "none yet")
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
    if faults := list(read_reasons(known)):
        sys.exit("\n".join(faults))
    if "--list" in sys.argv:
        print("\n".join(r.identifier for r in known.values() if not r.tests and not r.reason))
        return
    faults = list(gaps(known.values()))
    text = page(sections)
    if "--check" in sys.argv:
        if faults:
            sys.exit("\n".join(faults))
        if not PAGE.exists() or PAGE.read_text() != text:
            sys.exit(f"{PAGE.relative_to(TOP)} is not up to date; run: make fmt")
        return
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text)
    print("\n".join([text.split("\n\n")[2].replace("\n", " "), *faults]))


main()
