# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts the cases in meson's JUnit files and prints "N passed, N failed, N skipped".

A program that ended badly without naming a failed case counts as one failure. Exits 1 when
anything failed, or when nothing ran at all.
"""
import sys
import xml.etree.ElementTree as ElementTree

passed = failed = skipped = 0
for path in sys.argv[1:]:
    for suite in ElementTree.parse(path).iter("testsuite"):
        bad = 0
        for case in suite.iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                bad += 1
                print(f"failed: {suite.get('name')} {case.get('name')}")
            elif case.find("skipped") is not None:
                skipped += 1
            else:
                passed += 1
        failed += bad
        claimed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        if claimed and not bad:
            failed += 1
            print(f"failed: {suite.get('name')}")
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not passed else 0)
