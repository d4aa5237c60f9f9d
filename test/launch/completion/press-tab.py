"""Types into an interactive shell on a pseudo-terminal.

press-tab.py SHELL: reads lines as JSON from standard input, types each followed by a tab and a return, and
prints as JSON which words the ch-run-ts in PATH was started with, as Latin-1; null where it was not. That program
writes them, each followed by a NUL, to the file $SEEN.
"""

import json
import os
import pty
import select
import signal
import sys
import time

STARTS = {
    'bash': (['bash', '--norc', '--noprofile', '-i'], 'source <(ch-run-ts --completion=bash)'),
    'zsh': (
        ['zsh', '-f', '-i'],
        'autoload -Uz compinit; compinit -u -D; setopt no_list_beep; source <(ch-run-ts --completion=zsh)',
    ),
    'fish': (['fish', '--no-config', '-i'], 'ch-run-ts --completion=fish | source'),
}
SEEN = os.environ['SEEN']
CONTROL_C = b'\x03'


def drain(terminal, until, patience):
    """Takes what the shell prints, which it would else wait for, until something is true."""
    end = time.monotonic() + patience
    while not until():
        if time.monotonic() > end:
            return False
        if select.select([terminal], [], [], 0.01)[0]:
            os.read(terminal, 65536)
    return True


def seen():
    try:
        with open(SEEN, 'rb') as file:
            words = file.read().decode('latin-1').split('\0')[:-1]
        os.unlink(SEEN)
        return words
    except FileNotFoundError:
        return None


def type_line(terminal, text, patience):
    os.write(terminal, text)
    if drain(terminal, lambda: os.path.exists(SEEN), patience):
        return seen()
    os.write(terminal, CONTROL_C)
    drain(terminal, lambda: False, 0.2)
    return None


def main():
    words, setup = STARTS[sys.argv[1]]
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(words[0], words)
    type_line(terminal, f'{setup}; ch-run-ts ready\r'.encode(), 60)
    results = [type_line(terminal, line.encode() + b'\t\r', 10) for line in json.load(sys.stdin)]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print(json.dumps(results))


main()
