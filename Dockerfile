# The image: the program, the Python it needs and the libraries these two need. Nothing else is in
# it: no shell, no package manager, no pip, no compiler, no file that changes who runs it.
#
#     docker build -t flatfile-exporter --build-arg REVISION=$(git rev-parse HEAD) .
#     docker build -t flatfile-exporter:demo --target demo .
#
# BASE is any Debian image with Python 3.11 or newer, `venv` included. The default names Python
# 3.13.15 on Debian 13 for every architecture by the digest of its index; a newer one is found with
# `docker buildx imagetools inspect python:3.13-slim-trixie`.
ARG BASE=python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285

# hadolint ignore=DL3006
FROM ${BASE} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /src

# The locked packages, by their hashes, as wheels: nothing is compiled and no setup script runs.
COPY deploy/requirements.lock deploy/requirements.lock
RUN python3 -m venv /build; \
    /build/bin/pip --disable-pip-version-check --no-cache-dir download --quiet \
      --only-binary :all: --require-hashes --dest /wheels --requirement deploy/requirements.lock

# The program itself, without the tools that build it. `audit` brings what the audit log needs.
COPY pyproject.toml README.md LICENSE ./
COPY exporter exporter
ARG REVISION=unknown
ARG SOURCE=https://example.org/flatfile-exporter
RUN pip="/build/bin/pip --disable-pip-version-check --no-cache-dir --quiet"; \
    $pip install --no-index --find-links /wheels hatchling; \
    $pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels .; \
    python3 -m venv --without-pip /opt/flatfile-exporter; \
    $pip --python /opt/flatfile-exporter/bin/python3 \
      install --no-index --find-links /wheels --no-compile "flatfile-exporter[audit]"; \
    find /opt/flatfile-exporter/bin ! -type d ! -name 'python*' ! -name flatfile-exporter -delete; \
    # Where it came from (PEP 610); flatfile_exporter_build_info reads the revision from there.
    about=$(echo /opt/flatfile-exporter/lib/python3.*/site-packages/flatfile_exporter-*.dist-info); \
    printf '{"url": "%s", "vcs_info": {"vcs": "git", "commit_id": "%s"}}\n' \
      "$SOURCE" "$REVISION" >"$about/direct_url.json"

# What the image consists of, put together in /image.
RUN mkdir -p /image/etc/ssl/certs /image/usr/lib/ssl /image/opt /image/proc /image/sys /image/dev \
      /image/var/lib/dpkg/status.d /data; \
    # Since Debian 12 these are links into /usr; the loader of programs is found through them.
    for link in /lib /lib64; do if [ -L "$link" ]; then cp -P "$link" /image; fi; done; \
    # Python: the interpreter, and the standard library without what serves people or tests.
    named=$(command -v python3); python=$(realpath "$named"); \
    library=$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))'); \
    mkdir -p "/image$(dirname "$python")" "/image$library"; \
    cp -p "$python" "/image$python"; \
    if [ "$named" != "$python" ]; then ln -s "$python" "/image$named"; fi; \
    tar -C "$library" -cf - --exclude=__pycache__ --exclude=./site-packages \
      --exclude=./dist-packages --exclude=./ensurepip --exclude=./test --exclude=./idlelib \
      --exclude=./tkinter --exclude=./turtle.py --exclude=./turtledemo --exclude=./pydoc_data \
      --exclude=./lib2to3 --exclude='./config-*' --exclude=./sitecustomize.py \
      --exclude='./lib-dynload/_curses*' --exclude='./lib-dynload/_*dbm*' \
      --exclude='./lib-dynload/readline*' --exclude='./lib-dynload/_tkinter*' \
      --exclude='./lib-dynload/_test*' . \
      | tar -C "/image$library" -xf -; \
    cp -a /opt/flatfile-exporter /image/opt; \
    # Modules of the standard library that cannot be loaded here cannot be there, either.
    find "/image$library" -name '*.so' -exec sh -c \
      'for file; do ! ldd "$file" | grep -q "not found" || rm "$file"; done' sh {} +; \
    # Every shared library that these name, and libgcc_s, which libc loads when a thread ends.
    find "/image$python" /image/opt "/image$library" -type f \( -perm -u+x -o -name '*.so*' \) \
      -exec sh -c 'ldd "$@" 2>/dev/null || true' sh {} + >/tmp/needs; \
    if grep 'not found' /tmp/needs; then exit 1; fi; \
    { sed -nE 's/^\t(.* => )?(\/[^ ]+) .*/\2/p' /tmp/needs | grep -v '^/image/'; \
      ldconfig -p | sed -nE 's/.*libgcc_s\.so\.1 .* => (.*)/\1/p'; } | sort -u >/tmp/libraries; \
    while read -r file; do \
      folder=$(realpath "$(dirname "$file")"); mkdir -p "/image$folder"; \
      cp -pL "$file" "/image$folder"; realpath "$file"; \
    done </tmp/libraries >/tmp/copied; \
    cp -a /etc/ld.so.conf* /image/etc; ldconfig -r /image; \
    # Authorities to trust, names to resolve, the one user, and which Debian this was.
    cp -pL /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs; \
    cp -pL /etc/ssl/openssl.cnf /image/etc/ssl; cp -a /usr/lib/ssl/cert* /usr/lib/ssl/*.cnf /image/usr/lib/ssl; \
    cp -pL /etc/os-release /image/etc; \
    echo 'hosts: files dns' >/image/etc/nsswitch.conf; \
    echo 'exporter:x:65532:65532:flatfile-exporter:/data:/nonexistent' >/image/etc/passwd; \
    echo 'exporter:x:65532:' >/image/etc/group; \
    # Scanners find the Debian packages that files came from as in other images without dpkg.
    { xargs dpkg-query --search "$python" "$library/os.py" /etc/ssl/openssl.cnf \
        </tmp/copied 2>/dev/null || true; } | sed 's/:.*//' | sort -u >/tmp/packages; \
    while read -r package; do \
      dpkg-query --status "$package" >"/image/var/lib/dpkg/status.d/$package"; \
      mkdir -p "/image/usr/share/doc/$package"; \
      cp -pL "/usr/share/doc/$package/copyright" "/image/usr/share/doc/$package"; \
    done </tmp/packages; \
    # Compiled once and for all: the file system is read-only, and a start takes a third of the time.
    python3 -m compileall -q -j 0 -s /image -p / --invalidation-mode unchecked-hash \
      "/image$library" /image/opt/flatfile-exporter/lib; \
    chmod -R go-w /image

FROM scratch AS runtime
COPY --from=build /image /
# The one folder that may be written: state, cursors, the audit log.
COPY --from=build --chown=65532:65532 /data /data
ENV PATH=/opt/flatfile-exporter/bin \
    FLATFILE_EXPORTER_STORAGE_PATH=/data \
    PYTHONDONTWRITEBYTECODE=1 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    TMPDIR=/data
WORKDIR /data
VOLUME ["/data"]
USER 65532:65532
EXPOSE 10042
STOPSIGNAL SIGTERM
# Configure the port by the environment or the file, not by a flag, or the probe does not know it.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \
  CMD ["/opt/flatfile-exporter/bin/python3", "-m", "exporter.probe"]
ENTRYPOINT ["/opt/flatfile-exporter/bin/flatfile-exporter"]
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=https://example.org/flatfile-exporter
LABEL org.opencontainers.image.title="flatfile-exporter" \
      org.opencontainers.image.description="Prometheus exporter for Flatfile accounts" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.documentation="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"

# The same against an emulated account that it starts itself: no credential, no network.
FROM runtime AS demo
ENTRYPOINT ["/opt/flatfile-exporter/bin/flatfile-exporter", "demo"]
# Its events begin anew at each start, so counts of earlier ones would be about nothing.
ENV FLATFILE_EXPORTER_STORAGE_PATH=none

# What is built unless a target is named.
FROM runtime AS exporter
