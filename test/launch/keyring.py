"""keyring.py COMMAND …: runs it with a session keyring that holds a key of the caller's, `ch-run-ts-test`.

keyring.py: prints what that key holds, as far as it can be read, found in the session keyring or by number.
"""

import ctypes
import os
import sys

JOIN_SESSION_KEYRING, SEARCH, READ, SESSION_KEYRING = 1, 10, 11, -3
ADD_KEY, KEYCTL = {'x86_64': (248, 250), 'aarch64': (217, 219)}[os.uname().machine]
NAME = b'ch-run-ts-test'
call = ctypes.CDLL(None, use_errno=True).syscall


def read(key):
    text = ctypes.create_string_buffer(64)
    size = call(KEYCTL, READ, key, text, 64)
    return text.raw[:size].decode() if size > 0 else 'refused'


def numbers():
    with open('/proc/keys') as keys:
        return [int(line.split()[0], 16) for line in keys if NAME.decode() in line]


if sys.argv[1:]:
    if call(KEYCTL, JOIN_SESSION_KEYRING, None) < 0:
        sys.exit('there are no keyrings here')
    if call(ADD_KEY, b'user', NAME, b'secret', 6, SESSION_KEYRING) < 0:
        sys.exit('no key can be added here')
    os.execvp(sys.argv[1], sys.argv[1:])
found = call(KEYCTL, SEARCH, SESSION_KEYRING, b'user', NAME, 0)
print('session:', read(found) if found > 0 else 'none')
print('by number:', 'secret' if 'secret' in [read(number) for number in numbers()] else 'none')
