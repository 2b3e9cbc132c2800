"""A page of one sentence, for those who are not signed in and may load nothing else."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from fastapi import Request
from fastapi.responses import HTMLResponse

from pipeline.review.phrases import language_of, say
from pipeline.review.request_checks import POLICY

STYLE = """
:root { color-scheme: light dark;
  --back: #f6f5f2; --front: #1d1d1b; --card: #ffffff; --line: #d5d3cc; --accent: #1f5f99 }
@media (prefers-color-scheme: dark) {
  :root { --back: #1c1c1b; --front: #eceae4; --card: #262624; --line: #3d3c39; --accent: #8fc1ef }
}
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--back); color: var(--front);
  font: 16px/1.5 system-ui, "Segoe UI", sans-serif }
main { margin: 1rem; padding: 1.5rem 2rem; max-width: 30rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px }
h1 { font-size: 1.15rem; margin: 0 0 .5rem }
p { margin: 0 }
a { color: var(--accent) }
"""
HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


def message_page(request: Request, text: str, *, link: str = "", status: int = 401) -> HTMLResponse:
    """Return a page with a sentence in the reader's language.

    Args:
        link: where it leads to, at once; empty for nowhere.
    """
    language = language_of(request)
    said = f'<a href="{escape(link)}">{escape(text)}</a>' if link else escape(text)
    onward = f'<meta http-equiv="refresh" content="0; url={escape(link)}">' if link else ""
    page = f"""<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(say(language, "title"))}</title>{onward}<style>{STYLE}</style></head>
<body><main><h1>{escape(say(language, "title"))}</h1><p>{said}</p></main></body></html>"""
    # This style alone, by its hash: everything else is still refused.
    policy = POLICY.replace("style-src 'self'", f"style-src 'sha256-{HASH}'")
    return HTMLResponse(page, status, {"Content-Security-Policy": policy})
