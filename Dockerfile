# syntax=docker/dockerfile:1
FROM python:3.13-slim-trixie AS build

WORKDIR /src
RUN python -m venv /opt/agentgauge
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/agentgauge/bin/pip install --disable-pip-version-check ".[all]"

FROM python:3.13-slim-trixie

LABEL org.opencontainers.image.title="agentgauge" \
      org.opencontainers.image.description="Prometheus-native performance monitoring for AI agents and their hooks" \
      org.opencontainers.image.source="https://github.com/agentgauge/agentgauge" \
      org.opencontainers.image.licenses="Apache-2.0"

# Any user may keep state here: whoever reads a user's transcripts runs as that user. A new volume inherits the mode.
RUN useradd --uid 1000 --create-home agentgauge && install --directory --mode 1777 /var/lib/agentgauge
COPY --from=build /opt/agentgauge /opt/agentgauge

ENV PATH=/opt/agentgauge/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AGENTGAUGE_HOME=/var/lib/agentgauge
USER 1000:1000
WORKDIR /var/lib/agentgauge
VOLUME /var/lib/agentgauge
EXPOSE 10420 10421

ENTRYPOINT ["agentgauge"]
CMD ["exporter", "--web.listen-address=0.0.0.0:10420"]
