"""What a session on a large cluster costs, seen from outside: see `benches/session/run`.

Every figure is of the built binary, which knows nothing of being measured.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import recording
from download import Download
from terminal import Terminal

TICKS = os.sysconf("SC_CLK_TCK")
FOOTER = "q quit"
# Keys that change the screen in every pane, with and without findings.
HAND = ["l", "h", "j", "k", "L", "g", "\x1b[6~", "\x1b[5~", "G", "L", "?", "?", ":", "r", "e", "\x03", "]", "["]


def row(name, samples, unit, limit=None, digits=0):
    """Prints a row of the table: the least, the middle and the most, and if even the middle is above the limit."""
    low, middle, high = min(samples), statistics.median(samples), max(samples)
    form = lambda value: f"{value:.{digits}f}"
    target = "" if limit is None else f"under {form(limit)} {unit}" + ("" if middle < limit else ": MISSED")
    print(f"| {name} | {form(low)} / {form(middle)} / {form(high)} {unit} | {target} |", flush=True)


def run(command, **more):
    """Runs to the end: seconds, seconds of the processor, and the most memory at a time (VmHWM) in MB."""
    began = time.monotonic()
    with subprocess.Popen(command, **more) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    took = time.monotonic() - began
    if process.returncode not in (0, 3, 4):
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def memory(pid, field="VmHWM"):
    """Of a process that runs, in MB."""
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(rf"{field}:\s+(\d+) kB", file.read()).group(1)) * 1024 / 1e6


def ticks(pid):
    """The processor's time that it has used, in seconds."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def of_recording(file):
    """See recording.py, which has a process of its own: what is read of it takes much memory, and a program that is
    started afterwards begins with the peak of the one that starts it."""
    done = subprocess.run([sys.executable, "-B", recording.__file__, file], stdout=subprocess.PIPE, check=True)
    seconds, pods = done.stdout.split()
    return float(seconds), int(pods)


def first_frames(command, rounds):
    """Milliseconds from starting the program to the last byte of the first whole frame."""
    samples = []
    for _ in range(rounds):
        with Terminal(command) as terminal:
            at = terminal.settled(0.005)
            while FOOTER not in terminal.text():
                at = terminal.settled(0.005)
            samples.append((at - terminal.began) * 1000)
    return samples


def first_rows(command, rounds):
    """Milliseconds to the first findings on what was read, and to the first pods."""
    findings, pods = [], []
    for _ in range(rounds):
        with Terminal(command) as terminal:
            at = terminal.until(lambda text: "Ready for" in text, 30)
            findings.append((at - terminal.began) * 1000)
            at = terminal.until(lambda text: re.search(r"Pods +[0-9]", text), 30)
            pods.append((at - terminal.began) * 1000)
    return findings, pods


def keys(terminal, count):
    """Milliseconds from each key to the last byte of its frame."""
    samples = []
    for number in range(count):
        terminal.idle_for(0.03 + 0.007 * (number % 5))
        pressed = terminal.press(HAND[number % len(HAND)])
        at = terminal.settled(0.004, 0.25)
        if at is None:
            raise RuntimeError(f"nothing came of key {HAND[number % len(HAND)]!r}; on the screen is:\n{terminal.text()}")
        samples.append((at - pressed) * 1000)
    return sorted(samples)


def loaded(terminal):
    """Waits until everything was read. When that was on the screen."""
    return terminal.until(lambda text: re.search(r"read \d+ s ago|: live|up to date", text), 120)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle", type=int, default=60, metavar="SECONDS")
    parser.add_argument("--only", default="frame,rows,read,keys,idle")
    options = parser.parse_args()
    only = options.only.split(",")
    lab = ["--scope", "api", "--kubeconfig", options.kubeconfig]
    cockpit = [options.binary, *lab]
    print("| what | least / median / most | target |\n|---|---|---|")

    if "frame" in only:
        row("first frame, demo", first_frames([options.binary, "demo"], options.rounds * 4), "ms", 50)
        row("first frame, the lab's cluster", first_frames(cockpit, options.rounds * 4), "ms", 50)
    if "rows" in only:
        findings, pods = first_rows(cockpit, options.rounds)
        row("first findings on the screen", findings, "ms", 1000)
        row("first pods on the screen", pods, "ms", 1000)
    if "read" in only:
        reading(options, lab)
    if "keys" in only or "idle" in only:
        with Terminal(cockpit) as terminal:
            row("cockpit: all read, on the screen", [loaded(terminal) - terminal.began], "s", digits=2)
            terminal.idle_for(15)
            row("cockpit: VmHWM", [memory(terminal.pid)], "MB", 60, 1)
            row("cockpit: VmRSS after that", [memory(terminal.pid, "VmRSS")], "MB", digits=1)
            if "keys" in only:
                samples = keys(terminal, 1000)
                at = lambda share: [samples[int((len(samples) - 1) * share)]]
                row("key to frame, median", at(0.5), "ms", digits=2)
                row("key to frame, 99 of 100", at(0.99), "ms", 16, 2)
                row("key to frame, longest", at(1), "ms", digits=2)
            if "idle" in only:
                shares = []
                for _ in range(3):
                    before, began = ticks(terminal.pid), time.monotonic()
                    terminal.idle_for(options.idle)
                    shares.append((ticks(terminal.pid) - before) / (time.monotonic() - began) * 100)
                row(f"idle for {options.idle} s, of a core", shares, "%", 1, 2)
                row("cockpit: VmHWM at the end", [memory(terminal.pid)], "MB", 60, 1)


def reading(options, lab):
    """Downloads and reads in turn, so that what else the machine does weighs on both alike."""
    download = Download(options.kubeconfig)
    plain, whole, cpu, peak, pods, count, size = [], [], [], [], [], 0, 0
    for _ in range(options.rounds):
        took, size = download.run(download.pages())
        plain.append(took)
        took, used, most = run([options.binary, "check", "-o", "json", *lab], stdout=subprocess.DEVNULL)
        whole.append(took)
        cpu.append(used)
        peak.append(most)
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "recording.jsonl")
            run([options.binary, "record", "--once", file, *lab], stdout=subprocess.DEVNULL)
            took, count = of_recording(file)
            pods.append(took)
    middle = statistics.median(plain)
    print(f"| {count} pods, {size / count:.0f} bytes each in JSON | | |")
    row("plain download of the pods", plain, "s", digits=2)
    row("the pods, read by kubelift among everything else", pods, "s", middle, 2)
    row("check: everything read, judged, written", whole, "s", middle, 2)
    row("check: the processor's time", cpu, "s", digits=2)
    row("check: VmHWM", peak, "MB", 60, 1)


if __name__ == "__main__":
    sys.exit(main())
