"""A plain download of all pods in pages of JSON, one after the other: what kubelift's reading is compared with.

Not kubelift's code, and as fast as can be had: curl, one process with one connection, HTTP/1.1 with TLS, that throws the
bytes away and decodes nothing. A page's token is in the page before it, so a first pass that is not timed asks for the
pages and keeps their addresses; a page of such an address can be had again, from the same revision, until etcd is
compacted.
"""

import base64
import http.client
import os
import re
import ssl
import subprocess
import tempfile
import time
from urllib.parse import quote, urlsplit

PAGE = 500


class Download:
    """The pages of a list, as the user of a kubeconfig of the lab sees them."""

    def __init__(self, kubeconfig, path="/api/v1/pods"):
        with open(kubeconfig) as file:
            text = file.read()
        self.server = re.search(r"server: (\S+)", text).group(1)
        self.folder = tempfile.TemporaryDirectory()
        for name in ("certificate-authority", "client-certificate", "client-key"):
            data = re.search(rf"{name}-data: (\S+)", text).group(1)
            with open(self._file(name), "wb", opener=lambda file, flags: os.open(file, flags, 0o600)) as file:
                file.write(base64.b64decode(data))
        self.path = path

    def _file(self, name):
        return os.path.join(self.folder.name, name)

    def pages(self):
        """The address of each page."""
        trust = ssl.create_default_context(cafile=self._file("certificate-authority"))
        trust.load_cert_chain(self._file("client-certificate"), self._file("client-key"))
        connection = http.client.HTTPSConnection(urlsplit(self.server).netloc, context=trust)
        pages, token = [], ""
        while True:
            pages.append(f"{self.path}?limit={PAGE}" + (f"&continue={quote(token, safe='')}" if token else ""))
            connection.request("GET", pages[-1], headers={"Accept": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{pages[-1]}: {answer.status}")
            # metadata comes before items, and a token has no quotation mark.
            found = re.search(rb'"continue":"([^"]+)"', body[:4096])
            if not found:
                return pages
            token = found.group(1).decode()

    def run(self, pages):
        """Downloads the pages: seconds and bytes."""
        lines = ["http1.1", "silent", "fail", 'header = "Accept: application/json"', 'write-out = "%{size_download}\\n"']
        # To "curl/…" the server writes JSON with indents, which is twice as much.
        lines += ['user-agent = "plain-download"']
        lines += [f'cacert = "{self._file("certificate-authority")}"']
        lines += [f'cert = "{self._file("client-certificate")}"', f'key = "{self._file("client-key")}"']
        for page in pages:
            lines += [f'url = "{self.server}{page}"', 'output = "/dev/null"']
        with open(self._file("curl"), "w") as file:
            file.write("\n".join(lines))
        began = time.monotonic()
        done = subprocess.run(["curl", "-q", "-K", self._file("curl")], stdout=subprocess.PIPE, check=True)
        took = time.monotonic() - began
        return took, sum(int(size) for size in done.stdout.split())
