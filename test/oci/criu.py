#!/usr/bin/env python3
"""Plays `criu swrk FD`: answers as CRIU_PLAY says, and writes the request that came to CRIU_SAID, in hexadecimal.

CRIU_PLAY is a list of answers in hexadecimal, with blanks between them; `die` ends before the next one. CRIU_LOG, if it
is set, is written to dump.log and restore.log in the directory CRIU_WORK.
"""

import os
import socket
import sys

connection = socket.socket(fileno=int(sys.argv[2]))
request = connection.recv(1 << 16)
said = []


def say(message):
    """Whoever asks may end this process after any answer."""
    said.append(message.hex())
    with open(os.environ['CRIU_SAID'], 'w') as file:
        file.write(' '.join(said))


say(request)
work = os.environ.get('CRIU_WORK', '.')
for name in ('dump.log', 'restore.log'):
    with open(os.path.join(work, name), 'w') as log:
        log.write(os.environ.get('CRIU_LOG', ''))
for answer in os.environ['CRIU_PLAY'].split():
    if answer == 'die':
        break
    connection.send(bytes.fromhex(answer))
    if answer.startswith('0806'):
        say(connection.recv(1 << 16))
