"""How long the pods of a recording took to be read: `recording.py FILE` prints seconds and how many there are.

From the recording's own log of requests, and from the moment at which the last byte of the pods came.
"""

import base64
import datetime
import gzip
import json
import re
import sys


def moment(text):
    """Seconds of an RFC 3339 time, which may have nine digits after the point."""
    return datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d*Z?$", r"\1", text.rstrip("Z")) + "+00:00").timestamp()


def pods_read(file):
    """From sending the first request for pods to the last byte of the last page, in seconds; and how many came."""
    with open(file) as lines:
        frames = (json.loads(line)["frame"] for line in lines)
        frame = next(frame for frame in frames if frame["kind"] == "key-frame")
    packed = frame.get("packed")
    evidence = (json.loads(gzip.decompress(base64.b64decode(packed))) if packed else frame["payload"])["evidence"]
    pods = evidence["objects"]["pods"]
    reads = [read for read in evidence["reads"] if re.match(r"/api/v1/pods\?limit", read["path"])]
    sent = min(moment(read["at"]) - read["millis"] / 1000 for read in reads)
    return moment(pods["stamp"]["at"]) - sent, len(pods["items"])


if __name__ == "__main__":
    print(*pods_read(sys.argv[1]))
