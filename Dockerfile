# One image for web and worker: `docker build -t cxloop .`; compose.yaml shows a whole installation.
FROM python:3.13-slim

WORKDIR /app
RUN useradd --system --uid 10001 --home-dir /data cxloop && install -d -o cxloop /data
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY LICENSE README.md pyproject.toml config.py wsgi.py ./
COPY cxloop cxloop
COPY migrations migrations
COPY models models
COPY templates templates
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .

USER cxloop
ENV CXLOOP_DATA=/data PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8000
CMD ["cxloop", "up", "--host", "0.0.0.0"]
