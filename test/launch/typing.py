"""Runs the words as a foreground job of a new pseudo-terminal; prints what it printed, and what was typed meanwhile."""

import json
import os
import pty
import subprocess
import sys
import termios
import tty


def inside(report):
    """The leader of the terminal's session: what a shell would read once its job has ended."""
    tty.setraw(0)
    job = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    attributes = termios.tcgetattr(0)
    attributes[6][termios.VMIN] = attributes[6][termios.VTIME] = 0
    termios.tcsetattr(0, termios.TCSANOW, attributes)
    typed = os.read(0, 4096).decode()
    os.write(report, json.dumps({'out': job.stdout, 'error': job.stderr, 'typed': typed}).encode())
    os._exit(0)


report_read, report_write = os.pipe()
child, terminal = pty.fork()
if child == 0:
    inside(report_write)
os.close(report_write)
os.waitpid(child, 0)
print(os.read(report_read, 65536).decode())
