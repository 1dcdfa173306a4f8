#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Small guests on this machine's own KVM: start-up, run time and memory, beside QEMU microvm.

usage: small.py LKVM GUESTS RUNS

Prints rows of a Markdown table.
"""
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

lkvm, guests, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
work = tempfile.mkdtemp()
result = os.path.join(work, "result.json")
guest = os.path.join(guests, "debug-exit")

LKVM = [lkvm, "run", "-k", guest, "-c", "1", "-m", "128M", "--debug-exit", "--result", result]
QEMU = ["qemu-system-x86_64", "-M", "microvm", "-accel", "kvm", "-cpu", "qemu64", "-m", "128", "-nodefaults",
        "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", guest,
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]


def timed(command):
    """Seconds from exec to the end, and the point in time before exec."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, check=False).returncode
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    if status != 85:
        sys.exit(f"{command[0]} ended with {status}, not with the guest's 85")
    return (after - before) / 1e6, before


def first_run_by_strace(command):
    """Milliseconds from exec to the first KVM_RUN, as strace sees both; its cost is in it."""
    log = os.path.join(work, "strace")
    subprocess.run(["strace", "-f", "--seccomp-bpf", "-ttt", "-e", "trace=execve,ioctl", "-o", log] + command,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    start = None
    with open(log, encoding="utf-8", errors="replace") as f:
        for line in f:
            stamp = float(line.split()[1])
            if start is None:
                start = stamp
            if "KVM_RUN" in line:
                return (stamp - start) * 1000
    return float("nan")


def beyond_guest(command, guest_mib):
    """KiB resident beyond the guest's memory, while the guest runs."""
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    time.sleep(1)
    total = size = 0
    with open(f"/proc/{p.pid}/smaps", encoding="utf-8") as f:
        for line in f:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
            if m:
                size = int(m[2], 16) - int(m[1], 16)
            elif line.startswith("Rss:") and size != guest_mib << 20:
                total += int(line.split()[1])
    p.kill()
    p.wait()
    return total


def row(what, ours, theirs, aim):
    text = f"{ours:.2f} ms"
    if theirs is not None:
        text += f" (QEMU microvm {theirs:.1f} ms, ratio {ours / theirs:.3f})"
    print(f"| {what} | {text} | {aim} |")


starts, ends, qemu_ends = [], [], []
for _ in range(runs):
    took, before = timed(LKVM)
    with open(result, encoding="utf-8") as f:
        starts.append((json.load(f)["monotonic_ns"]["first_run"] - before) / 1e6)
    ends.append(took)
    qemu_ends.append(timed(QEMU)[0])
strace = [(first_run_by_strace(LKVM), first_run_by_strace(QEMU)) for _ in range(3)]
median = statistics.median
row("exec to the first KVM_RUN", median(starts), None, "under 5 ms")
row("the same under strace, both", median(s[0] for s in strace), median(s[1] for s in strace), "")
row("exec to the end of a small Multiboot guest", median(ends), median(qemu_ends), "ratio at most 0.1")

spin = os.path.join(guests, "spin")
ours = beyond_guest([lkvm, "run", "-k", spin, "-c", "1", "-m", "128M", "--timeout", "5"], 128)
theirs = beyond_guest([a if a != guest else spin for a in QEMU], 128)
print(f"| resident beyond the guest's memory | {ours} KiB (QEMU microvm {theirs} KiB) | at most 3072 KiB |")
subprocess.run(["rm", "-rf", work], check=True)
