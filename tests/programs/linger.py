"""Sockets that take their time to close. SO_LINGER: whoever closes such a one last waits until its
peer has read what it was sent, or for 1,000 s."""
import signal
import socket
import struct


def open_lingering():
    """One, and its peer, which is to be kept open."""
    signal.signal(signal.SIGALRM, lambda *_: None)  # where it is this process that closes the last one
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        mine = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    mine.setblocking(False)
    try:
        while True:
            mine.send(bytes(65536))
    except BlockingIOError:
        pass
    mine.setblocking(True)
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 1000))
    return mine, theirs
