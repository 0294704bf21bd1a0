"""nginx with one worker that serves one file: as quick as a scrape can be on this machine."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.programs import get, held_port

PROGRAM = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
"""None if it is not installed (`tests/peers/install nginx`)."""

_PATIENCE = 10.0  # seconds
_CONFIGURATION = """
daemon off;
user {user};
worker_processes 1;
pid {folder}/pid;
error_log stderr crit;
events {{ worker_connections 512; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {folder};
    default_type text/plain;
    add_header Content-Encoding gzip;
  }}
}}
"""


@contextmanager
def nginx(path: str, body: bytes) -> Iterator[int]:
    """The port on which it answers ``body``, which is gzip, to a GET of ``path``."""
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory() as name, held_port() as port:
        folder = Path(name)
        (folder / path.lstrip("/")).write_bytes(body)
        # Started by root, the worker would be somebody who may not read our folder.
        user = "root" if os.getuid() == 0 else "nobody"
        configuration = folder / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(folder=folder, port=port, user=user))
        process = subprocess.Popen([PROGRAM, "-p", name, "-c", str(configuration)])
        with process:
            try:
                giving_up = time.monotonic() + _PATIENCE
                while get(port, path)[0] != 200:
                    assert process.poll() is None, "nginx ended early"
                    assert time.monotonic() < giving_up, "nginx never answered"
                    time.sleep(0.01)
                yield port
            finally:
                process.terminate()
