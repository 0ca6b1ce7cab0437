# syntax=docker/dockerfile:1
# One image: `docker run postcard` is the web under gunicorn; `worker` and `migrate` are commands of the same image.
# Its steps are tried in a bare Debian 12 (docs/decisions/0007-docker.md).
FROM debian:12-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-venv=3.11.* ca-certificates=2023* \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY infra/locks/server.txt infra/locks/server.txt
RUN python3 -m venv /opt/postcard \
    && /opt/postcard/bin/pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: -r infra/locks/server.txt
COPY pyproject.toml README.md LICENSE ./
COPY app app
RUN /opt/postcard/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3=3.11.* ca-certificates=2023* \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --home-dir /var/lib/postcard --create-home --shell /usr/sbin/nologin postcard
COPY --from=build /opt/postcard /opt/postcard
ENV PATH=/opt/postcard/bin:$PATH \
    POSTCARD_DATA_DIR=/var/lib/postcard \
    POSTCARD_WEB_HOST=0.0.0.0 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/postcard
VOLUME /var/lib/postcard
EXPOSE 8000
# For web and worker alike: it looks at what the first process of the container is; of a worker, at its last heartbeat.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s \
    CMD ["postcard", "health"]
ENTRYPOINT ["postcard"]
CMD ["web"]
