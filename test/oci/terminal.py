"""Plays a terminal of 30 lines and 100 columns, or who listens at a console socket.

terminal.py run WORDS…: starts them as a session of the terminal, types "hello", and prints what came, how it ended, and
whether the terminal is as it was. terminal.py stop WORDS…: sends SIGTSTP first, and SIGCONT. terminal.py resize WORDS…: makes it 40 by 120 first. terminal.py socket PATH WORDS…:
prints what comes out of the terminal that is sent there.
"""

import array
import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time


PATIENCE = 60  # seconds: what takes longer hangs


def read(master, wanted=None):
    """What comes until these bytes have come, or until nobody has the other side any more."""
    text = b''
    end = time.time() + PATIENCE
    while time.time() < end and not (wanted and wanted in text):
        if select.select([master], [], [], 0.1)[0]:
            try:
                text += os.read(master, 4096)
            except OSError:
                break
    return text


def is_raw(terminal):
    return termios.tcgetattr(terminal)[3] & termios.ICANON == 0


def wait_until(holds):
    end = time.time() + PATIENCE
    while not holds() and time.time() < end:
        time.sleep(0.02)
    return holds()


def stop_and_go_on(child, slave):
    os.kill(child.pid, signal.SIGTSTP)
    stopped = os.WIFSTOPPED(os.waitpid(child.pid, os.WUNTRACED)[1])
    cooked = not is_raw(slave)
    os.kill(child.pid, signal.SIGCONT)
    return stopped and cooked and wait_until(lambda: is_raw(slave))


def run(words, resize, stop):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 100, 0, 0))
    before = termios.tcgetattr(slave)

    def enter():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    child = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, preexec_fn=enter)
    raw = wait_until(lambda: is_raw(slave))
    text = read(master, b'/dev/pts/0\r\n')
    job = stop_and_go_on(child, slave) if stop else None
    if resize:
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
    os.write(master, b'hello\n')
    status = child.wait(PATIENCE)
    same = termios.tcgetattr(slave) == before
    os.close(slave)
    text += read(master)
    print(json.dumps({'text': text.decode(), 'status': status, 'raw': raw, 'job': job, 'same': same}))


def listen(path, words):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    status = subprocess.call(words, stdin=subprocess.DEVNULL)
    peer = server.accept()[0]
    _, control, _, _ = peer.recvmsg(100, socket.CMSG_SPACE(4))
    master = array.array('i', control[0][2])[0]
    subprocess.call([*words[:words.index('create')], 'start', words[-1]])
    print(json.dumps({'text': read(master).decode(), 'status': status}))


if sys.argv[1] == 'socket':
    listen(sys.argv[2], sys.argv[3:])
else:
    run(sys.argv[2:], sys.argv[1] == 'resize', sys.argv[1] == 'stop')
