# A worker's image; and, as the target `demo`, the same with the demo's services. The lock file covers the demo and the tests too, so the packages are fetched and checked against
# their hashes in the first stage, and only those that the worker needs are installed, from there and nowhere else.
FROM python:3.13-slim-bookworm AS build
WORKDIR /srv/rollcall
COPY requirements.lock ./
# On arm64 faust-streaming has no wheel: its source builds with a C compiler. On amd64 nothing is compiled.
RUN if [ "$(uname -m)" != x86_64 ]; then apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev; fi \
 && pip wheel --no-cache-dir --no-deps --require-hashes --requirement requirements.lock --wheel-dir /wheels
COPY LICENSE README.md pyproject.toml ./
COPY app app
COPY tables tables
COPY agents agents
RUN python -m venv /opt/rollcall \
 && /opt/rollcall/bin/pip install --no-cache-dir --no-index --find-links /wheels --editable .

FROM python:3.13-slim-bookworm AS worker
RUN useradd --system --no-create-home rollcall \
 && install --directory --owner rollcall --group rollcall /var/lib/rollcall
COPY --from=build /opt/rollcall /opt/rollcall
COPY --from=build /srv/rollcall /srv/rollcall
WORKDIR /srv/rollcall
USER rollcall
# Unbuffered: log lines leave the container as they are written.
ENV PATH=/opt/rollcall/bin:$PATH PYTHONUNBUFFERED=1 ROLLCALL_DATADIR=/var/lib/rollcall
VOLUME /var/lib/rollcall
STOPSIGNAL SIGTERM
# Under this name SIGTERM is answered from the first moment: as process 1 it would not be heard while Faust is imported.
CMD ["rollcall", "worker"]

# The demo's two services: what they need beside their own code, the worker's image has.
FROM worker AS demo
COPY demo demo
CMD ["python", "-m", "demo.serve", "file-service"]

# The last stage is what `docker build .` makes.
FROM worker
