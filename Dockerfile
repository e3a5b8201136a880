# A worker's image; and, as the target `demo`, the same with the demo's services. The packages are fetched and checked against their hashes in the second stage, and installed from
# there and nowhere else.
#
# The bases: of the stage that compiles the native part, and of every other one. `python -m ops.pin` puts the digest behind
# the tag, here and in docker-compose.yml.
ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

# The native part, of the crates in native/Cargo.lock. A base without cargo leaves the image with its Python twin.
FROM ${RUST_IMAGE} AS native
WORKDIR /srv/native
COPY native .
RUN mkdir /native /licences \
 && if command -v cargo; then cargo build --release --locked && cp target/release/librollcall_native.so /native/_native.abi3.so; fi
# What is linked into it is passed on with it, and so are its licences.
RUN if [ -d "${CARGO_HOME:=$HOME/.cargo}/registry/src" ]; then \
      cd "$CARGO_HOME/registry/src" && find . -type f -iname 'licen[cs]e*' -exec cp --parents '{}' /licences ';'; fi

FROM ${PYTHON_IMAGE} AS build
WORKDIR /srv/rollcall
COPY requirements-worker.lock ./
# On arm64 faust-streaming has no wheel: its source builds with a C compiler. On amd64 nothing is compiled.
RUN if [ "$(uname -m)" != x86_64 ]; then apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev; fi \
 && pip wheel --no-cache-dir --no-deps --require-hashes --requirement requirements-worker.lock --wheel-dir /wheels
COPY LICENSE THIRD_PARTY.md README.md pyproject.toml rollcall.py ./
COPY app app
COPY tables tables
COPY agents agents
COPY --from=native /native/ app/native/
# Compiled now: the running image can't be written to, so Python could not keep what it compiles.
RUN python -m venv /opt/rollcall \
 && /opt/rollcall/bin/pip install --no-cache-dir --no-index --find-links /wheels --editable . \
 && /opt/rollcall/bin/python -m compileall -q app tables agents rollcall.py

FROM ${PYTHON_IMAGE} AS worker
# 999 is what `useradd --system` gave in the images before this one: their volumes stay writable. A number, since
# Kubernetes' runAsNonRoot can't judge a name.
RUN groupadd --system --gid 999 rollcall \
 && useradd --system --uid 999 --gid 999 --no-create-home rollcall \
 && install --directory --owner 999 --group 999 /var/lib/rollcall
COPY --from=native /licences/ /usr/share/doc/rollcall-native/
COPY --from=build /opt/rollcall /opt/rollcall
COPY --from=build /srv/rollcall /srv/rollcall
WORKDIR /srv/rollcall
USER 999:999
# Unbuffered: log lines leave the container as they are written. Nothing is written but to the data directory and /tmp.
ENV PATH=/opt/rollcall/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ROLLCALL_DATADIR=/var/lib/rollcall
STOPSIGNAL SIGTERM
# Under this name SIGTERM is answered from the first moment: as process 1 it would not be heard while Faust is imported.
CMD ["rollcall", "worker"]

# The demo's two services: what they need beside their own code, the worker's image has.
FROM worker AS demo
USER 0:0
COPY demo demo
RUN install --directory --owner 999 --group 999 /var/lib/rollcall-demo && python -m compileall -q demo
USER 999:999
CMD ["python", "-m", "demo.serve", "file-service"]

# The last stage is what `docker build .` makes.
FROM worker
