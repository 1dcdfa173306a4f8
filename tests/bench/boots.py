#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Boot a real kernel to its init and to the end, with lkvm and QEMU in turn.

usage: boots.py FOLDER BOOTS

FOLDER has lkvm, kernel and initrd, which are copied to memory first. Prints Markdown.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

folder, boots = sys.argv[1], int(sys.argv[2])
work = tempfile.mkdtemp(dir="/dev/shm")
for name in ("lkvm", "kernel", "initrd"):
    shutil.copy(os.path.join(folder, name), work)
os.chdir(work)
os.environ["XDG_CACHE_HOME"] = work
WORDS = "console=ttyS0 panic=-1 quiet test=poweroff"
LKVM = ["./lkvm", "run", "-k", "kernel", "-i", "initrd", "-c", "1", "-m", "512M", "-p", "quiet test=poweroff",
        "--result", "result.json"]
QEMU = ["qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-m", "512", "-display", "none", "-no-reboot",
        "-nodefaults", "-serial", "stdio", "-kernel", "kernel", "-initrd", "initrd"]
CONTENDERS = {
    "lkvm": LKVM,
    "lkvm --fast": LKVM + ["--fast"],
    "QEMU q35": QEMU + ["-M", "q35", "-append", WORDS],
    "QEMU microvm": QEMU + ["-M", "microvm,pit=on,pic=on,rtc=on", "-append", WORDS + " reboot=t"],
}


def boot(command):
    """Seconds from exec to init's first word, and to the end."""
    start = time.monotonic()
    up = None
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for line in p.stdout:
        if b"lkvm-test: up" in line:
            up = time.monotonic() - start
    p.wait()
    if up is None:
        sys.exit(f"{command} did not reach its init")
    return up, time.monotonic() - start


def exits():
    """Exits to user space in one boot, by port."""
    subprocess.run(LKVM + ["--exit-stats"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True)
    with open("result.json", encoding="utf-8") as f:
        return json.load(f)["exits"]


boot(LKVM)  # the unpacked kernel is in the cache from here on
times = {name: [] for name in CONTENDERS}
for _ in range(boots):
    for name, command in CONTENDERS.items():
        times[name].append(boot(command))

print("| | exec to init | exec to the end | ratio to q35 |")
print("|---|---|---|---|")
q35 = statistics.median(t[1] for t in times["QEMU q35"])
for name, values in times.items():
    up, end = (statistics.median(v[i] for v in values) for i in (0, 1))
    print(f"| {name} | {up:.2f} s | {end:.2f} s | {end / q35:.2f} |")

counts = exits()
ports = counts.pop("ports")
print()
print(f"Exits to user space in one quiet boot: {counts['total']} (aim: fewer than 1000): "
      + ", ".join(f"{k} {v}" for k, v in counts.items() if k != "total" and v) + ". By port:")
print()
groups = {}
NAMES = [(0x2e, 0x2f, "Super I/O"), (0x4e, 0x4f, "Super I/O"), (0x60, 0x64, "i8042"), (0x70, 0x71, "RTC"),
         (0x2e8, 0x2ef, "COM4"), (0x2f8, 0x2ff, "COM2"), (0x3e8, 0x3ef, "COM3"), (0x3f8, 0x3ff, "COM1"),
         (0x600, 0x60f, "ACPI PM"), (0xcf8, 0xcff, "PCI")]
for port, n in ports.items():
    number = int(port, 16)
    name = next((name for low, high, name in NAMES if low <= number <= high), port)
    groups[name] = groups.get(name, 0) + n
print("| ports of | exits |")
print("|---|---|")
for name, n in sorted(groups.items(), key=lambda item: -item[1]):
    print(f"| {name} | {n} |")
shutil.rmtree(work)
