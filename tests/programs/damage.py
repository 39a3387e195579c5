"""damage.py TFHELPER PROGRAM: has `tfhelper check` read PROGRAM with every sort of damage.

Cut off at many lengths, with bytes flipped, and with each field of its headers and tables set to
what hurts: 0, the largest, beyond the end. Whatever it says, it says it with a status of its own,
at once, and a sanitizer has nothing to add.
"""

import os
import random
import subprocess
import sys

STATUSES = {0, 1, 5, 126}
HEADERS = 64 + 14 * 56
BATCH = 100
helper, program = sys.argv[1:]
original = open(program, "rb").read()
random.seed(4)


def cut_off():
    lengths = list(range(0, HEADERS, 7)) + [len(original) * k // 60 for k in range(60)]
    return [original[:length] for length in lengths]


def flipped():
    copies = []
    for _ in range(600):
        copy = bytearray(original)
        for _ in range(random.randint(1, 8)):
            at = random.randrange(HEADERS if random.random() < 0.7 else len(copy))
            copy[at] ^= 1 << random.randrange(8)
        copies.append(bytes(copy))
    return copies


def overwritten(begin, end):
    copies = []
    for at in range(begin, end, 4):
        for width, value in ((2, 0xFFFF), (4, 0), (4, 0xFFFFFFFF), (8, 2**64 - 1), (8, 2**63 - 1),
                             (8, len(original) - 1), (8, len(original) - at)):
            copy = bytearray(original)
            copy[at:at + width] = value.to_bytes(width, "little")
            copies.append(bytes(copy[:len(original)]))
    return copies


def check(copies):
    for first in range(0, len(copies), BATCH):
        names = []
        for index, copy in enumerate(copies[first:first + BATCH]):
            names.append(f"./damaged{index}")
            with open(names[-1], "wb") as file:
                file.write(copy)
            os.chmod(names[-1], 0o755)
        done = subprocess.run([helper, "check", *names], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False)
        verdicts = [line for line in done.stdout.splitlines() if line.startswith(b"./damaged")]
        if done.returncode not in STATUSES or done.stderr or len(verdicts) != len(names):
            sys.exit(f"copies from {first} on: status {done.returncode}, {len(verdicts)} verdicts "
                     f"on {len(names)}\n{done.stderr.decode(errors='replace')[:4000]}")


sections = int.from_bytes(original[40:48], "little")
check(cut_off())
check(flipped())
check(overwritten(16, 64))
check(overwritten(64, HEADERS))
check(overwritten(sections, len(original) - 8))
