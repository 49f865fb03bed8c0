"""The site check finds each kind of fault in a broken site, and none in a sound one."""

import pytest
from check_site import check_site

HEAD = "<!doctype html><html><head><title>x</title>{head}</head><body>{body}</body></html>"
SOUND = """
<h1 id="top-of-page">Title</h1>
<a href="other.html#there">other</a> <a href="#top-of-page">up</a> <a href="#">top</a>
<a href="https://example.org">outside</a> <a href="mailto:a@example.org">mail</a>
<img src="pic.png" alt="A curve that falls.">
<svg role="img" aria-label="A line that rises."><path d="M0 0"/></svg>
<button aria-hidden="true"><svg><path d="M0 0"/></svg></button>
<pre>text with https://example.org/a.png in it</pre>
"""


def site(tmp_path, body="", head=""):
    (tmp_path / "index.html").write_text(HEAD.format(head=head, body=SOUND + body))
    (tmp_path / "other.html").write_text(HEAD.format(head="", body='<p id="there">here</p>'))
    (tmp_path / "pic.png").write_bytes(b"")
    (tmp_path / "style.css").write_text("")
    return check_site(tmp_path)


def test_a_sound_site_has_no_fault(tmp_path):
    assert site(tmp_path, head='<link rel="stylesheet" href="style.css">') == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="gone.html">x</a>', "dead link gone.html"),
        ('<a href="other.html#nowhere">x</a>', "dead anchor other.html#nowhere"),
        ('<a href="#nowhere">x</a>', "dead anchor #nowhere"),
        ('<a href="../">x</a>', "link"),
        ("<p>see :eq:`lstm-cell`</p>", "raw markup"),
        ("<p>it is {glue:text}`number:.2f`</p>", "raw markup"),
        ("<p>:cite:p:`gers2000`</p>", "raw markup"),
    ],
)
def test_each_fault_is_found(tmp_path, body, fault):
    faults = site(tmp_path, body)
    assert len(faults) == 1
    assert fault in faults[0]


def test_an_empty_folder_is_a_fault(tmp_path):
    assert check_site(tmp_path)


def test_a_404_page_may_start_its_links_from_where_the_site_is_published(tmp_path):
    canonical = '<link rel="canonical" href="https://e.org/book/index.html">'
    links = '<a href="/book/other.html#there">x</a><a href="/book/">home</a>'
    wrong = '<a href="/other.html">x</a><a href="/book/gone.html">x</a>'
    (tmp_path / "404.html").write_text(HEAD.format(head="", body=links + wrong))
    faults = site(tmp_path, head=canonical, body='<a href="/book/other.html">not from here</a>')
    assert faults == [
        "404.html: dead link /book/gone.html",
        "404.html: dead link /other.html",
        "index.html: dead link /book/other.html",
    ]
