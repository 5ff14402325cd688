"""A program on a terminal of its own: keys go in, and what is on the screen comes out, with the time of every byte.

Of the terminal there is as much as kubelift's screens use: text, where the cursor goes, and erasing.
"""

import fcntl
import os
import re
import select
import signal
import struct
import termios
import time
import unicodedata

TOKEN = re.compile(
    r"\x1b\[([?>=]?)([0-9;]*)([@-~])"  # CSI: what it is about, numbers, what it does
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC
    r"|\x1b[^\[\]]"
    r"|[\r\n\b]"
    r"|[^\x1b\r\n\b]+"
)
BEGUN = re.compile(r"\x1b(?:\[[?>=]?[0-9;]*|\][^\x07]*)?\Z")


class Terminal:
    """A program that runs on a terminal. Use as a context: leaving it ends the program."""

    def __init__(self, command, columns=120, rows=40):
        self.columns, self.rows = columns, rows
        self.cells = [[" "] * columns for _ in range(rows)]
        self.x = self.y = 0
        self.rest = b""
        master, slave = os.openpty()
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        self.began = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(master)
            os.login_tty(slave)
            os.execvpe(command[0], command, environment)
        os.close(slave)
        self.file = master

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGTERM)
        # Nobody reads its last words, and it waits for them to be read.
        deadline = time.monotonic() + 5
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
            if select.select([self.file], [], [], 0.05)[0]:
                try:
                    os.read(self.file, 1 << 16)
                except OSError:
                    pass
        os.close(self.file)

    def press(self, keys):
        """Sends keys, and gives the time of it."""
        now = time.monotonic()
        os.write(self.file, keys.encode())
        return now

    def read(self, timeout):
        """Takes in what comes next, and gives the time of it; None if nothing came in time."""
        if not select.select([self.file], [], [], max(timeout, 0))[0]:
            return None
        data = os.read(self.file, 1 << 16)
        now = time.monotonic()
        self._feed(data)
        return now

    def settled(self, quiet, timeout=5.0):
        """Takes in a frame, which ends when nothing more comes for `quiet` seconds. When it ended; None if none came."""
        last = self.read(timeout)
        while last is not None and (more := self.read(quiet)) is not None:
            last = more
        return last

    def until(self, seen, timeout):
        """Takes in what comes until `seen(text)` holds. When that was."""
        deadline = time.monotonic() + timeout
        while True:
            now = self.read(deadline - time.monotonic())
            if now is None:
                raise TimeoutError(f"not seen in {timeout} s; on the screen is:\n{self.text()}")
            if seen(self.text()):
                return now

    def idle_for(self, seconds):
        """Takes in what comes for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.read(left)

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def _feed(self, data):
        data = self.rest + data
        # A sign or a sequence that is not whole waits for the rest of it.
        cut = len(data)
        while cut and len(data) - cut < 3 and data[cut - 1] & 0xC0 == 0x80:
            cut -= 1
        if cut and data[cut - 1] >= 0xC0:
            need = 2 if data[cut - 1] < 0xE0 else 3 if data[cut - 1] < 0xF0 else 4
            cut = cut - 1 if len(data) - cut + 1 < need else len(data)
        else:
            cut = len(data)
        text = data[:cut].decode(errors="replace")
        begun = BEGUN.search(text)
        whole = text[: begun.start()] if begun else text
        self.rest = (begun.group().encode() if begun else b"") + data[cut:]
        for token in TOKEN.finditer(whole):
            self._take(token)

    def _take(self, token):
        text = token.group()
        if token.group(3):
            numbers = [int(n) if n else 0 for n in token.group(2).split(";")]
            self._control(token.group(1), numbers, token.group(3))
        elif text == "\r":
            self.x = 0
        elif text == "\n":
            self.y = min(self.y + 1, self.rows - 1)
        elif text == "\b":
            self.x = max(self.x - 1, 0)
        elif not text.startswith("\x1b"):
            for sign in text:
                self._put(sign)

    def _control(self, about, numbers, does):
        if does == "H":
            self.y = max(numbers[0], 1) - 1
            self.x = max(numbers[1] if len(numbers) > 1 else 1, 1) - 1
        elif does == "C":
            self.x += max(numbers[0], 1)
        elif does == "J" and numbers[0] in (2, 3) or about == "?" and 1049 in numbers:
            self.cells = [[" "] * self.columns for _ in range(self.rows)]
        elif does == "K" and self.y < self.rows:
            self.cells[self.y][self.x :] = [" "] * (self.columns - self.x)

    def _put(self, sign):
        if unicodedata.combining(sign):
            return
        if self.y < self.rows and self.x < self.columns:
            self.cells[self.y][self.x] = sign
        self.x += 2 if unicodedata.east_asian_width(sign) in "WF" else 1
