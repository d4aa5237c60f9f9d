"""exchange.py A B: exchanges two directories over and over, until standard input ends."""
import ctypes
import select
import sys

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_EXCHANGE = -100, 2
one, other = (path.encode() for path in sys.argv[1:3])
print('ready', flush=True)
turns = 0
while turns % 1024 or not select.select([sys.stdin], [], [], 0)[0]:
    if libc.renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) != 0:
        sys.exit(f'renameat2: {ctypes.get_errno()}')
    turns += 1
