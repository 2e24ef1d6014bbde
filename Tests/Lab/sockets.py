#!/usr/bin/env python3
"""Very many sockets at a time: sockets.py serve ADDRESS PORT COUNT | sockets.py open ADDRESS PORT COUNT UDP-COUNT READY GO

`serve` sends back what comes, over TCP and UDP. `open` opens COUNT connections and UDP-COUNT UDP sockets, makes the file
READY, waits for the file GO, asks over every one of them again and says how many failed: {"tcp": 0, "udp": 0}.
"""

import errno
import json
import os
import resource
import select
import socket
import sys
import time

UNDERWAY = 400
WAITS = (errno.EINPROGRESS, errno.EAGAIN)


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


def ask(sockets, poll, again):
    """Sends a question over each and waits for all the answers; how many did not come."""
    left = {one.fileno(): one for one in sockets}
    for _ in range(again):
        waiting = dict(left)
        numbers = list(waiting)
        for one in left.values():
            poll.register(one, select.EPOLLIN)
        while numbers or waiting:
            for number in numbers[:UNDERWAY]:
                try:
                    left[number].send(b"question")
                except OSError:
                    waiting.pop(number)
            numbers = numbers[UNDERWAY:]
            ready = poll.poll(0 if numbers else 3)
            if not ready and not numbers:
                break
            for number, _ in ready:
                one = waiting.pop(number, None)
                if one is None:
                    continue
                poll.unregister(one)
                try:
                    if one.recv(100) == b"question":
                        left.pop(number)
                except OSError:
                    pass
        for number in left:
            try:
                poll.unregister(left[number])
            except OSError:
                pass
        if not left:
            break
    return len(left)


def open_some(address, port, count, udp_count, ready, go):
    poll = select.epoll()
    tcp, failed = connect(address, port, count, poll)
    udp = []
    for _ in range(udp_count):
        one = socket.socket(family(address), socket.SOCK_DGRAM)
        one.setblocking(False)
        one.connect((address, port))
        udp.append(one)
    failed += ask(tcp, poll, 1)
    # A datagram may be lost in a queue that is full; a mapping that is lost stays so.
    lost = ask(udp, poll, 8)
    os.write(ready, b".")
    while not os.path.exists(go):
        time.sleep(0.05)
    failed += ask(tcp, poll, 1)
    lost += ask(udp, poll, 3)
    return failed, lost


def open_many(address, port, count, udp_count, ready, go):
    """Shares the sockets out among processes, and adds up what failed in each."""
    number = processes(count + udp_count)
    is_ready, says_ready = os.pipe()
    failures, fails = os.pipe()
    for index in range(number):
        if os.fork() == 0:
            share = [(total + index) // number for total in (count, udp_count)]
            failed = open_some(address, port, *share, says_ready, go)
            os.write(fails, b"%d %d\n" % failed)
            os._exit(0)
    os.close(fails)
    os.close(says_ready)
    with open(is_ready, "rb") as said:
        said.read(number)
    open(ready, "w").close()
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
        open_many(sys.argv[2], *(int(word) for word in sys.argv[3:6]), *sys.argv[6:8])
