"""A service manager that waits for notices, sd_notify(3): SOCKET, or @NAME. Prints each as a string of JSON."""
import json, os, socket, sys

name = sys.argv[1]
listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listening.bind("\0" + name[1:] if name[0] == "@" else name)
if name[0] != "@":
    os.chmod(name, 0o777)
print("ready", flush=True)
while True:
    print(json.dumps(listening.recv(65536).decode()), flush=True)
