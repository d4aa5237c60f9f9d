"""Plays a terminal of 30 lines and 100 columns, or who listens at a console socket.

terminal.py run WORDS…: starts them as a session of the terminal, types "hello", and prints what came, how it ended, and
whether the terminal is as it was. terminal.py resize WORDS…: makes it 40 by 120 first. terminal.py socket PATH WORDS…:
prints what comes out of the terminal that is sent there.
"""

import array
import fcntl
import json
import os
import pty
import select
import socket
import struct
import subprocess
import sys
import termios
import time


def drain(master, seconds):
    text = b''
    end = time.time() + seconds
    while time.time() < end:
        if select.select([master], [], [], 0.1)[0]:
            try:
                got = os.read(master, 4096)
            except OSError:
                break
            if not got:
                break
            text += got
    return text.decode()


def run(words, resize):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 100, 0, 0))
    before = termios.tcgetattr(slave)

    def enter():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    child = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, preexec_fn=enter)
    time.sleep(0.5)
    raw = termios.tcgetattr(slave)[3] & termios.ICANON == 0
    if resize:
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
        time.sleep(0.2)
    os.write(master, b'hello\n')
    status = child.wait(10)
    print(json.dumps({'text': drain(master, 0.3), 'status': status, 'raw': raw, 'same': termios.tcgetattr(slave) == before}))


def listen(path, words):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    status = subprocess.call(words, stdin=subprocess.DEVNULL)
    peer = server.accept()[0]
    _, control, _, _ = peer.recvmsg(100, socket.CMSG_SPACE(4))
    master = array.array('i', control[0][2])[0]
    subprocess.call([*words[:3], 'start', words[-1]])
    print(json.dumps({'text': drain(master, 1), 'status': status}))


if sys.argv[1] == 'socket':
    listen(sys.argv[2], sys.argv[3:])
else:
    run(sys.argv[2:], sys.argv[1] == 'resize')
