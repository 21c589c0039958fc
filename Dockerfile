# CPU image:  docker build -t clipforget . && docker run --rm -p 7860:7860 clipforget
# To keep the runs in a folder of yours:  mkdir -p runs && docker run ... -v "$PWD/runs:/app/runs" --user "$(id -u)" ...
FROM python:3.12-slim

# GPU: drop the index line below, so that the CUDA build of torch is installed, and start with `docker run --gpus all`.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 GRADIO_ANALYTICS_ENABLED=False
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --extra-index-url "$TORCH_INDEX" -r requirements.txt

RUN useradd --uid 1000 --create-home clipforget && mkdir runs && chown clipforget runs
COPY --chown=clipforget app.py ./
COPY --chown=clipforget clipforget clipforget
COPY --chown=clipforget assets assets
USER 1000

EXPOSE 7860
# Process 1 is deaf to SIGTERM unless it asks for it; SIGINT ends the page as Ctrl+C does.
STOPSIGNAL SIGINT
VOLUME /app/runs
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1:7860', timeout=4); c.request('GET', '/'); assert c.getresponse().status < 500"]
# In public mode, as for any network. For folders of your own, and nobody else:
#   docker run --rm -p 127.0.0.1:7860:7860 clipforget python app.py --host 0.0.0.0 --trusted --no-browser
CMD ["python", "app.py", "--host", "0.0.0.0", "--port", "7860", "--no-browser"]
