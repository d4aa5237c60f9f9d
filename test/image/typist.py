"""Answers prompts on a terminal: typist.py PROMPT ANSWER PROMPT ANSWER… -- WORDS…

Starts WORDS as a session of the terminal, waits for each prompt, and types its answer; an answer of ^C is that key. Prints
what appeared, whether each answer did, the status, and whether the terminal is as it was.
"""

import fcntl
import json
import os
import pty
import subprocess
import sys
import termios

dashes = sys.argv.index('--')
prompts = list(zip(sys.argv[1:dashes:2], sys.argv[2:dashes:2]))
master, slave = pty.openpty()
before = termios.tcgetattr(slave)


def enter():
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


child = subprocess.Popen(sys.argv[dashes + 1 :], stdin=slave, stdout=slave, stderr=slave, preexec_fn=enter)
text = b''
shown = []
for prompt, answer in prompts:
    while prompt.encode() not in text:
        text += os.read(master, 4096)
    shown.append(termios.tcgetattr(slave)[3] & termios.ECHO != 0)
    os.write(master, b'\x03' if answer == '^C' else answer.encode() + b'\n')
status = child.wait(60)
same = termios.tcgetattr(slave) == before
os.close(slave)
try:
    while got := os.read(master, 4096):
        text += got
except OSError:
    pass
print(json.dumps({'text': text.decode(), 'shown': shown, 'status': status, 'same': same}))
