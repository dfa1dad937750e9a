import re

from flask import Flask


def test_a_style_sheet_is_asked_for_by_its_content_and_a_vendored_one_by_its_version(app: Flask) -> None:
    page = app.test_client().get("/sign-in").text
    assert re.search(r'href="/static/css/tokens\.css\?v=[0-9a-f]{12}"', page)
    assert 'href="/static/vendor/tabler-core-1.6.1/tabler.min.css"' in page


def test_every_style_sheet_and_script_of_a_page_is_there(app: Flask) -> None:
    client = app.test_client()
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get("/sign-in").text)
    assert len(files) > 5
    for file in files:
        with client.get(file) as found:
            assert found.status_code == 200, file
