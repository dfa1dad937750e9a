"""The pages: one module per noun."""

from flask import Flask

from cxloop.web import access, errors, health, security, signin, theme

PAGES = (
    health.pages,
    signin.pages,
    theme.pages,
)
"""Every blueprint; those of the desk guard their own door (`access.guard`)."""

answer_error = errors.answer


def register(app: Flask) -> None:
    security.register(app)
    access.register(app)
    theme.register(app)
    for pages in PAGES:
        app.register_blueprint(pages)
