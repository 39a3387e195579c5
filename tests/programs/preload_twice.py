"""preload_twice.py FIRST SECOND COMMAND [ARGUMENT]...: executes it with LD_PRELOAD in its
environment twice, which no shell can do."""

import ctypes
import os
import sys


def strings(values):
    return (ctypes.c_char_p * (len(values) + 1))(*map(os.fsencode, values), None)


preloads = [f"LD_PRELOAD={value}" for value in sys.argv[1:3]]
others = [f"{name}={value}" for name, value in os.environ.items()]
libc = ctypes.CDLL(None, use_errno=True)
libc.execve(os.fsencode(sys.argv[3]), strings(sys.argv[3:]), strings(preloads + others))
sys.exit(f"{sys.argv[3]}: {os.strerror(ctypes.get_errno())}")
