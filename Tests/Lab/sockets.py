#!/usr/bin/env python3
"""Very many sockets at a time: sockets.py serve ADDRESS PORT COUNT
                            sockets.py open ADDRESS PORT COUNT UDP-COUNT READY GO [AGAIN DONE]

`serve` sends back what comes, over TCP and UDP. `open` opens COUNT connections and UDP-COUNT UDP sockets, asks over every
one of them, makes the file READY, waits for the file GO, asks over every one of them again and says how many failed:
{"tcp": 0, "udp": 0}. With AGAIN and DONE it goes on asking, makes the file AGAIN after two rounds, and ends when there is a
file DONE: so of several that are told so at once each has its rounds while all the others have theirs.
"""

import errno
import itertools
import json
import os
import resource
import select
import socket
import sys
import time

UNDERWAY = 400
WAITS = (errno.EINPROGRESS, errno.EAGAIN)
# Seconds without any answer after which nothing more is expected: a connection's segments are sent again by the kernel.
PATIENCE_TCP, PATIENCE_UDP = 30, 3
serial = itertools.count()


def processes(count):
    """How many processes it takes: each may have so many files open, with some to spare."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return -(-count // (most * 3 // 4))


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve(address, port):
    tcp = socket.socket(family(address), socket.SOCK_STREAM)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    tcp.bind((address, port))
    tcp.listen(4096)
    udp = socket.socket(family(address), socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    udp.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
    udp.bind((address, port))
    poll = select.epoll()
    open_ = {tcp.fileno(): tcp, udp.fileno(): udp}
    for one in (tcp, udp):
        one.setblocking(False)
        poll.register(one, select.EPOLLIN)
    while True:
        for number, _ in poll.poll():
            one = open_[number]
            try:
                if one is tcp:
                    while True:
                        accepted, _ = tcp.accept()
                        accepted.setblocking(False)
                        open_[accepted.fileno()] = accepted
                        poll.register(accepted, select.EPOLLIN)
                elif one is udp:
                    while True:
                        udp.sendto(*udp.recvfrom(100))
                else:
                    data = one.recv(100)
                    if data:
                        one.send(data)
                    else:
                        raise ConnectionError
            except BlockingIOError:
                pass
            except OSError:
                if one not in (tcp, udp):
                    poll.unregister(one)
                    del open_[number]
                    one.close()


def connect(address, port, count, poll):
    """Opens TCP connections, a few at a time."""
    made, underway, failed = {}, {}, 0
    while len(made) + len(underway) + failed < count or underway:
        while len(made) + len(underway) + failed < count and len(underway) < UNDERWAY:
            one = socket.socket(family(address), socket.SOCK_STREAM)
            one.setblocking(False)
            if one.connect_ex((address, port)) not in (0, *WAITS):
                failed += 1
                continue
            underway[one.fileno()] = one
            poll.register(one, select.EPOLLOUT)
        ready = poll.poll(20)
        if not ready:
            failed += len(underway)
            break
        for number, _ in ready:
            one = underway.pop(number)
            poll.unregister(one)
            if one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                failed += 1
            else:
                made[number] = one
    return list(made.values()), failed


def ask(sockets, poll, patience, attempts):
    """Asks over each, a few at a time, and waits for the right answers; returns the sockets over which none came."""
    left = {one.fileno(): one for one in sockets}
    for _ in range(attempts):
        queue, waiting = list(left), {}
        while queue or waiting:
            while queue and len(waiting) < UNDERWAY:
                number = queue.pop()
                question = b"question %d of socket %d, process %d" % (next(serial), number, os.getpid())
                try:
                    left[number].send(question)
                except OSError:
                    continue
                waiting[number] = question
                poll.register(number, select.EPOLLIN)
            ready = poll.poll(patience)
            if not ready:
                break
            for number, _ in ready:
                one = left[number]
                try:
                    answer = one.recv(100)
                except OSError:
                    answer = b""
                if answer and answer != waiting[number] and one.type == socket.SOCK_DGRAM:
                    # What came too late for an earlier attempt.
                    continue
                poll.unregister(number)
                if answer == waiting.pop(number):
                    left.pop(number)
        for number in waiting:
            poll.unregister(number)
        if not left:
            break
    return list(left.values())


class Sockets:
    """The open sockets of a process, and how many have failed."""

    def __init__(self, address, port, count, udp_count):
        self.poll = select.epoll()
        self.tcp, self.failed_tcp = connect(address, port, count, self.poll)
        self.udp, self.failed_udp = [], 0
        for _ in range(udp_count):
            one = socket.socket(family(address), socket.SOCK_DGRAM)
            one.setblocking(False)
            one.connect((address, port))
            self.udp.append(one)

    def ask_all(self):
        """A round over all of them; those that failed are out of the next."""
        bad = set(ask(self.tcp, self.poll, PATIENCE_TCP, 1))
        # A datagram may be lost in a queue that is full; a mapping that is lost stays so.
        lost = set(ask(self.udp, self.poll, PATIENCE_UDP, 8))
        self.failed_tcp += len(bad)
        self.failed_udp += len(lost)
        self.tcp = [one for one in self.tcp if one not in bad]
        self.udp = [one for one in self.udp if one not in lost]


def open_some(address, port, count, udp_count, go, done, says_ready, says_again):
    sockets = Sockets(address, port, count, udp_count)
    sockets.ask_all()
    os.write(says_ready, b".")
    while not os.path.exists(go):
        time.sleep(0.05)
    sockets.ask_all()
    if done:
        sockets.ask_all()
        os.write(says_again, b".")
        while not os.path.exists(done):
            sockets.ask_all()
    return sockets.failed_tcp, sockets.failed_udp


def open_many(address, port, count, udp_count, ready, go, again=None, done=None):
    """Shares the sockets out among processes, and adds up what failed in each."""
    number = processes(count + udp_count)
    (is_ready, says_ready), (is_again, says_again), (failures, fails) = os.pipe(), os.pipe(), os.pipe()
    for index in range(number):
        if os.fork() == 0:
            share = [(total + index) // number for total in (count, udp_count)]
            failed = open_some(address, port, *share, go, done, says_ready, says_again)
            os.write(fails, b"%d %d\n" % failed)
            os._exit(0)
    for end in (says_ready, says_again, fails):
        os.close(end)
    for pipe, file in ((is_ready, ready), (is_again, again)):
        with open(pipe, "rb") as said:
            if file:
                said.read(number)
                open(file, "w").close()
    with open(failures) as said:
        results = [[int(word) for word in line.split()] for line in said]
    whole = len(results) == number
    tcp, udp = (sum(column) for column in zip(*results)) if whole else (count, udp_count)
    print(json.dumps({"tcp": tcp, "udp": udp}))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        for _ in range(processes(int(sys.argv[4])) - 1):
            if os.fork() == 0:
                break
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        open_many(sys.argv[2], *(int(word) for word in sys.argv[3:6]), *sys.argv[6:10])
