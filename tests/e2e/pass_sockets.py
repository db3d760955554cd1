"""Starts a program as systemd does (sd_listen_fds(3)): `pass_sockets.py NAME=FD,NAME=FD PROGRAM ARGUMENT…`."""

import fcntl
import os
import sys

FIRST = 3  # SD_LISTEN_FDS_START
FAR = 100  # out of the way of those that are put in their places

names, descriptors = [], []
for given in filter(None, sys.argv[1].split(",")):
    name, _, descriptor = given.partition("=")
    names.append(name)
    descriptors.append(fcntl.fcntl(int(descriptor), fcntl.F_DUPFD_CLOEXEC, FAR))
    os.set_inheritable(int(descriptor), False)
for place, descriptor in enumerate(descriptors, FIRST):
    os.dup2(descriptor, place)
os.environ.update(LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=":".join(names))
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
