"""The pages: one module per noun."""

from flask import Flask

from cxloop.web import (
    access,
    account,
    assets,
    board,
    cases,
    causes,
    customer,
    errors,
    health,
    models,
    outbox,
    queue,
    security,
    signin,
    surveys,
    system,
    theme,
    words,
)

PAGES = (
    health.pages,
    signin.pages,
    account.pages,
    theme.pages,
    queue.pages,
    cases.pages,
    board.pages,
    outbox.pages,
    models.pages,
    causes.pages,
    system.pages,
    surveys.pages,
    customer.pages,
)
"""Every blueprint; those of the desk guard their own door (`access.guard`)."""

answer_error = errors.answer


def register(app: Flask) -> None:
    security.register(app)
    access.register(app)
    theme.register(app)
    words.register(app)
    assets.register(app)
    for pages in PAGES:
        app.register_blueprint(pages)
