"""manager.py SOCKET: a stand-in for a service manager. Prints each notification on a line, with
| between its own lines and the number of descriptors that came along, if any."""

import array
import os
import socket
import sys

receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\0" + sys.argv[1][1:] if sys.argv[1].startswith("@") else sys.argv[1])
print("listening", flush=True)
while True:
    text, ancillary, _, _ = receiver.recvmsg(8192, socket.CMSG_SPACE(16 * 4))
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(data)
    line = text.decode().replace("\n", "|")
    print(line + (" +%d" % len(descriptors) if descriptors else ""), flush=True)
    for descriptor in descriptors:
        os.close(descriptor)
