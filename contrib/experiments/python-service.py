"""A service: a supervisor that forks two workers, one of which leaks, and prints how they end.

At first the supervisor itself has the most memory, like a service that loads models or a cache before it forks.
"""

import argparse
import os
import signal
import sys
import time

MIB = 1 << 20


def be(name, adj):
    with open("/proc/self/comm", "w") as comm:
        comm.write(name)
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write(str(adj))


def work(leaks):
    held = []
    while True:
        if leaks:
            held.append(bytearray(b"x") * MIB)
        time.sleep(0.002)


def worker(name, adj, leaks):
    pid = os.fork()
    if pid == 0:
        be(name, adj)
        work(leaks)
    return pid


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker-adj", type=int, default=0)
    parser.add_argument("--preload", type=int, default=70, help="MiB that the supervisor holds")
    arguments = parser.parse_args()
    with open("/proc/self/comm", "w") as comm:
        comm.write("py-supervisor")
    preloaded = bytearray(b"x") * (arguments.preload * MIB)
    workers = {
        worker("py-leaking", arguments.worker_adj, True): "the leaking worker",
        worker("py-sound", arguments.worker_adj, False): "the sound worker",
    }
    while workers:
        pid, status = os.wait()
        name = workers.pop(pid)
        if os.WIFSIGNALED(status):
            print(f"{name} was killed by {signal.Signals(os.WTERMSIG(status)).name}", flush=True)
        else:
            print(f"{name} ended with status {os.WEXITSTATUS(status)}", flush=True)
    return len(preloaded) == 0


if __name__ == "__main__":
    sys.exit(main())
