"""Plays the system's log service.

system_log.py MODE SOCKET COMMAND...: binds the datagram socket SOCKET, runs COMMAND, and prints each line that came as
JSON. MODE: listen; full, where nobody reads and the queue is full before COMMAND starts; absent, where nobody listens.
"""

import json
import os
import socket
import subprocess
import sys


def fill(path):
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.setblocking(False)
    sender.connect(path)
    try:
        while True:
            sender.send(b'noise')
    except BlockingIOError:
        pass


def main():
    mode, path, *command = sys.argv[1:]
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.setblocking(False)
    if mode != 'absent':
        listener.bind(path)
        os.chmod(path, 0o666)
    if mode == 'full':
        fill(path)
    status = subprocess.run(command).returncode
    while mode != 'absent':
        try:
            line = listener.recv(65536)
        except BlockingIOError:
            break
        if line != b'noise':
            print(json.dumps(line.decode('utf-8', 'surrogateescape')))
    sys.exit(status)


main()
