"""Every setting of cxloop, read once from the environment.

CXLOOP_DATABASE_URL  postgresql://user:password@host/name, or sqlite:///path; default: a file in CXLOOP_DATA
CXLOOP_DATA          folder of the embedded database and of the secret key file; default: ./cxloop-data
CXLOOP_SECRET_KEY    signs links and cookies, the same on every machine, 32 characters or more; default: a file
                     in CXLOOP_DATA, made at the first start (embedded database only)
CXLOOP_BASE_URL      where customers reach this installation, for the links in messages;
                     default: http://127.0.0.1:8000
CXLOOP_SMTP_URL      smtp://user:password@host:587?from=care@example.com&tls=starttls (tls: none, starttls, tls);
                     default: none, and mail is held, readable in the outbox
CXLOOP_PROXIES       how many proxies of our own stand in front, each adding X-Forwarded-For; default: 0, and
                     what such headers say is not believed
CXLOOP_MODEL         a folder of a tagger, or a shipped version; default: the newest that is shipped
"""

import os


class Config:
    DATABASE_URL: str = os.environ.get("CXLOOP_DATABASE_URL", "")
    DATA: str = os.environ.get("CXLOOP_DATA", "cxloop-data")
    SECRET_KEY: str = os.environ.get("CXLOOP_SECRET_KEY", "")
    BASE_URL: str = os.environ.get("CXLOOP_BASE_URL", "http://127.0.0.1:8000")
    SMTP_URL: str = os.environ.get("CXLOOP_SMTP_URL", "")
    PROXIES: str = os.environ.get("CXLOOP_PROXIES", "0")
    MODEL: str = os.environ.get("CXLOOP_MODEL", "")
