"""gunicorn's settings under `cxloop up`. As a module of ours, so that no gunicorn.conf.py lying about is read.

GUNICORN_CMD_ARGS still has the last word, as everywhere.
"""

worker_class = "gthread"
workers = 2
threads = 32
"""Pages that stay open for live news hold a thread each."""
timeout = 60
graceful_timeout = 5
loglevel = "warning"
control_socket_disable = True
"""Else every gunicorn of a user shares one socket in the home directory."""
