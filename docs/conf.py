"""Configuration of the book. What needs more than a value is a small extension in ``_ext``."""

import os
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from sphinx.util import docname_join

# One thread for every kernel and script: results repeat, and parallel readers do not fight.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ["MPLBACKEND"] = "agg"
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path.insert(0, str(DOCS / "_ext"))
from notebooks import install_line  # noqa: E402

metadata = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

project = "lstm_book"
author = metadata["project"]["authors"][0]["name"]
project_copyright = f"2026, {author}. Text CC BY 4.0, code MIT licence"
version = release = metadata["project"]["version"]

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "sphinxcontrib.bibtex",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_reredirects",
    "accessibility",
    "chapters",
    "claims",
    "fonts",
    "formulas",
    "freshness",
    "gallery_pages",
    "gate_lab",
    "listing",
    "numerals",
    "pages",
]
exclude_patterns = ["_*", "node_modules", "gallery/**/*.ipynb", "gallery/**/*.py", "**.md5"]
exclude_patterns += [
    "./contrib",
    "./katex*js",
    "./katex.css",
    "./katex-*",
    "./README.md",
]  # KaTeX's
exclude_patterns += ["**.woff", "**.ttf"]
nitpicky = True
nitpick_ignore_regex = [("py:class", r"lstm_book\..*\.[A-Z](_co)?")]  # type variables
numfig = True
numfig_secnum_depth = 0
numfig_format = {"figure": "Figure %s", "table": "Table %s", "code-block": "Listing %s"}
maximum_signature_line_length = 56

# Chapters
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline", "attrs_block"]
myst_dmath_double_inline = False
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "build" / "cache" / "notebooks")
nb_execution_show_tb = True  # a failing cell is a warning, and warnings fail the build
nb_execution_timeout = 600
nb_merge_streams = True
nb_output_stderr = "remove-warn"
nb_render_markdown_format = "myst"
nb_code_prompt_show, nb_code_prompt_hide = "Show the code", "Hide the code"

# Freshness: results follow the package, the stored results and the versions of what computes
freshness_package = "lstm_book"

# Maths
katex_macros = {
    r"\dd": r"\frac{\partial #1}{\partial #2}",
    r"\diag": r"\operatorname{diag}",
    r"\E": r"\mathbb{E}",
    r"\loss": r"\mathcal{L}",
    r"\norm": r"\left\lVert #1 \right\rVert",
    r"\R": r"\mathbb{R}",
    r"\T": r"\mathsf{T}",
}

# Gallery
sphinx_gallery_conf = {
    "examples_dirs": ["../gallery"],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "subsection_order": [
        "../gallery/gates",
        "../gallery/gradients",
        "../gallery/architectures",
        "../gallery/dynamics",
    ],
    "image_scrapers": ("gallery_pages.themed_scraper",),
    "capture_repr": ("_repr_html_",),
    "reset_modules": ("matplotlib", "gallery_pages.strict_warnings"),
    "reset_modules_order": "both",
    "parallel": 2,
    "thumbnail_size": (288, 202),  # pixels, shown at 160 by 112
    "write_computation_times": False,
    "min_reported_time": 1e9,
    "show_signature": False,
    "download_all_examples": False,
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("lstm_book",),
}

# References
bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"
bibtex_default_style = "plain"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# The names that the book refers to are listed in docs/_inventories, so that no site is asked.
intersphinx_mapping = {
    "python": ("https://docs.python.org/3", "_inventories/python.txt"),
    "torch": ("https://docs.pytorch.org/docs/stable", "_inventories/torch.txt"),
    "numpy": ("https://numpy.org/doc/stable", "_inventories/numpy.txt"),
    "matplotlib": ("https://matplotlib.org/stable", "_inventories/matplotlib.txt"),
    "jaxtyping": ("https://docs.kidger.site/jaxtyping", "_inventories/jaxtyping.txt"),
}

# Notebooks. Each installs the package from the wheel that the site carries.
notebooks_wheel = f"lstm_book-{release}-py3-none-any.whl"

# Site
html_title = "The LSTM book"
html_baseurl = os.environ.get("SITE_URL") or metadata["tool"]["lstm_book"]["site-url"]
sphinx_gallery_conf["first_notebook_cell"] = install_line(
    f"{html_baseurl or '../../'}{notebooks_wheel}", []
)
html_theme = "pydata_sphinx_theme"
html_favicon = "_static/favicon.svg"
templates_path = ["_templates"]
html_static_path = ["_static", "node_modules/katex/dist"]  # of KaTeX its style and woff2 fonts
html_css_files = ["katex.min.css", "palette.css", "book.css"]
html_js_files = [("scroll.js", {"defer": "defer"}), ("install.js", {"defer": "defer"})]
html_sidebars = {page: [] for page in ("lab", "notation", "questions", "references", "search")}
html_show_sourcelink = False
html_copy_source = False
html_math_renderer = "katex"
html_theme_options = {
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 6,
    "show_nav_level": 1,
    "navigation_depth": 2,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "primary_sidebar_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
llms_summary = metadata["project"]["description"]
redirects: dict[str, str] = {}  # "old/page": "../new/page.html", so that links of others hold

# What needs whole addresses only exists where the site knows its own: a site map, pictures for
# those who share a link, and a page for wrong addresses, whose links must work at any depth.
extensions.append("sphinxext.opengraph")  # and the description of each page
if html_baseurl:
    extensions += ["sphinx_sitemap", "notfound.extension"]
sitemap_url_scheme = "{link}"
sitemap_excludes = ["404.html", "search.html", "genindex.html", "py-modindex.html"]
ogp_site_url = html_baseurl
ogp_site_name = html_title
ogp_social_cards = {
    "enable": bool(html_baseurl),
    "image": "gallery/dynamics/images/thumb/sphx_glr_phase_portrait_thumb.png",
}
notfound_urls_prefix = urlsplit(html_baseurl).path or "/"
notfound_context = {
    "title": "No such page",
    "body": """<h1>No such page</h1>
<p>There is nothing at this address. The page may have moved: try the search above, or start from
the contents in the bar at the top.</p>""",
}

# One page alone, by nox -s page: what other pages hold is taken from the site, once that was built.
if tags.has("page"):  # type: ignore[name-defined] # noqa: F821 (Sphinx brings it)
    extensions.remove("sphinx_gallery.gen_gallery")
    suppress_warnings = ["toc", "bibtex", "ref.numref", "ref.claim", "mystnb.glue_ref"]
    intersphinx_disabled_reftypes: list[str] = []
    built = ROOT / "build" / "html"
    if (built / "objects.inv").exists():
        intersphinx_mapping["book"] = (built.as_uri(), str(built / "objects.inv"))
    else:
        suppress_warnings.append("ref")

    def setup(app):
        """Let intersphinx find pages that are named by the way to them."""

        def name_in_full(app, env, node, contnode):
            if node["reftype"] == "doc":
                node["reftarget"] = docname_join(node["refdoc"], node["reftarget"])

        app.connect("missing-reference", name_in_full, priority=100)
