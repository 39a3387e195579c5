"""no_silent_fork.py COMMAND...: executes it where no process may be forked that sends no SIGCHLD."""

import ctypes
import errno
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000 | errno.EPERM
SYS_CLONE = {"x86_64": 56, "aarch64": 220}.get(platform.machine(), -1)
FLAGS = 16 + (4 if sys.byteorder == "big" else 0)  # the lower half of the first argument

filters = b"".join(
    struct.pack("HBBI", *one)
    for one in (
        (LOAD, 0, 0, 0),
        (EQUAL, 0, 3, SYS_CLONE & 0xFFFFFFFF),
        (LOAD, 0, 0, FLAGS),
        (EQUAL, 0, 1, 0),
        (RETURN, 0, 0, FAIL),
        (RETURN, 0, 0, ALLOW),
    )
)
memory = ctypes.create_string_buffer(filters)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(filters) // 8, ctypes.addressof(memory)))
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) != 0:
    sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[1], sys.argv[1:])
