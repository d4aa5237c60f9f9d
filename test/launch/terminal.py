"""Plays a terminal and an interactive shell with job control.

terminal.py ACTION [LAUNCHER IMAGE --]: starts the rest with a command of its own after it, as a foreground job
of a new pseudo-terminal, does ACTION, and prints what became of the job.
"""

import fcntl
import os
import pty
import signal
import struct
import sys
import termios
import time

KEYS = {'ctrl-c': b'\x03', 'ctrl-backslash': b'\x1c', 'ctrl-z': b'\x1a'}

SCRIPTS = {
    'foreground': 'read -r _ _ _ _ group session _ foreground _ < /proc/$$/stat;'
    ' echo $((group == foreground)) $((group == $$)); exit 0',
    'size': 'stty size; exit 0',
}


def start_job(words):
    """A child in its own process group, in the foreground of the terminal."""
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvp(words[0], words)
    return job


def describe(status):
    if os.WIFSIGNALED(status):
        return f'died by signal {os.WTERMSIG(status)}'
    return f'exited with {os.WEXITSTATUS(status)}'


def shell(action, words, report):
    """The side inside the terminal: what a shell with job control does."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = start_job(words)
    _, status = os.waitpid(job, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        text = f'stopped by signal {os.WSTOPSIG(status)}'
        os.tcsetpgrp(0, os.getpgrp())
        time.sleep(0.05)
        os.tcsetpgrp(0, job)
        os.kill(-job, signal.SIGCONT)
        # a shell that looks for signals just before it reads misses one, and its next read has no end
        ended = 0
        while ended == 0:
            os.kill(job, signal.SIGUSR1)
            time.sleep(0.05)
            ended, status = os.waitpid(job, os.WNOHANG)
        text += f', then {describe(status)}'
    else:
        text = describe(status)
    os.write(report, text.encode())
    os._exit(0)


def read_until(terminal, wanted):
    text = b''
    while wanted not in text:
        try:
            part = os.read(terminal, 4096)
        except OSError:
            break
        if not part:
            break
        text += part
    return text


def main():
    action, launcher = sys.argv[1], sys.argv[2:]
    script = SCRIPTS.get(action, 'trap "exit 0" USR1; echo ready; while :; do read -r _; done')
    # read from a pipe, this program must not leave it to the job
    report_read, report_write = os.pipe()
    # the job must find the size of the terminal
    go_read, go_write = os.pipe()
    child, terminal = pty.fork()
    if child == 0:
        os.read(go_read, 1)
        shell(action, [*launcher, 'sh', '-c', script], report_write)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 77, 0, 0))
    os.write(go_write, b'x')
    if action in KEYS:
        read_until(terminal, b'ready')
        time.sleep(0.1)
        os.write(terminal, KEYS[action])
        text = b''
    else:
        text = read_until(terminal, b'\n')
    os.close(report_write)
    ending = os.read(report_read, 4096).decode()
    os.waitpid(child, 0)
    print(f'{text.decode().strip()} {ending}'.strip())


main()
