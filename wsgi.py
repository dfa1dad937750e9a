"""The application for a WSGI server: `gunicorn wsgi:app`."""

from config import Config
from cxloop.app import create_app

app = create_app(Config)
