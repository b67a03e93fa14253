# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts what meson's logs in a folder say: "N passed, N failed, N skipped". A log is N.xml, the
cases, and N.json, the programs; N-again-*.xml and .json are second tries of programs that failed.

    count.py FOLDER        Names what failed, and what passed only at the second try. Exits 1 when
                           anything failed, or when nothing ran at all.
    count.py --again JSON  Prints "SUITE NAME" of each program that failed, to be tried again. Exits 1
                           when there is no sense in it: after a sanitizer's report or a crash, or where so many
                           failed that it is no accident.
"""
import json
import pathlib
import re
import signal
import sys
import xml.etree.ElementTree as ElementTree

REPORT = re.compile(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|: runtime error: ")
# LeakSanitizer itself falls over a thread that ends while it looks at it, and has reported nothing then.
TRACER = re.compile(r"Tracer caught signal 11:.*\n==\d+==LeakSanitizer has encountered a fatal error\.\n"
                    r"(==\d+==HINT: .*\n)*")
MOST = 3  # accidents
CRASHES = [sign * number + base for number in (signal.SIGILL, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV)
           for sign, base in ((-1, 0), (1, 128))]


def programs(log):
    return [json.loads(line) for line in log.read_text(errors="replace").splitlines()]


def has_failed(program):
    return program["result"] not in ("OK", "SKIP", "EXPECTEDFAIL")


def again(log):
    failed = [program for program in programs(log) if has_failed(program)]
    for program in failed:
        suites, name = program["name"].split(":")[-1].split(" / ")
        print(suites.split("+")[0], name)
    reported = any(REPORT.search(TRACER.sub("", program["stdout"] + program.get("stderr", ""))) for program in failed)
    crashed = any(program["returncode"] in CRASHES for program in failed)
    return 1 if reported or crashed or not 0 < len(failed) <= MOST else 0


def cases(log):
    """{program: [(case, "passed", "failed" or "skipped")]}. One that ended badly without naming a
    failed case counts as a failed case."""
    found = {}
    for suite in ElementTree.parse(log).iter("testsuite"):
        for case in suite.iter("testcase"):
            bad = case.find("failure") is not None or case.find("error") is not None
            verdict = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
            program = suite.get("name").partition(".")[2] or case.get("name")
            found.setdefault(program, []).append((case.get("name"), verdict))
    for program in programs(log.with_suffix(".json")):
        there = found.setdefault(program["name"], [])
        if has_failed(program) and not any(verdict == "failed" for _, verdict in there):
            # Of one that hung, meson says nothing but its name.
            there[:] = [told for told in there if told[0] != program["name"].rpartition(" / ")[2]]
            there.append(("as a whole", "failed"))
    return found


def count(folder):
    total = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for log in sorted(folder.glob("*.xml")):
        if "-again-" in log.name:
            continue
        found = cases(log)
        for second in folder.glob(f"{log.stem}-again-*.xml"):
            for program, verdicts in cases(second).items():
                if all(verdict != "failed" for _, verdict in verdicts):
                    print(f"passed only at the second try: {program}")
                    found[program] = verdicts
        for program, verdicts in found.items():
            for case, verdict in verdicts:
                total[verdict] += 1
                if verdict == "failed":
                    print(f"failed: {program} {case}")
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**total))
    return 1 if total["failed"] or not total["passed"] else 0


if sys.argv[1] == "--again":
    sys.exit(again(pathlib.Path(sys.argv[2])))
sys.exit(count(pathlib.Path(sys.argv[1])))
