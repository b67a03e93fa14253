# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the watch page does with a session: takes its token out of sight, keeps the session over a reload,
and says in words when the gate refuses. One node and an edge."""
import contextlib
import re
import urllib.parse

import browser
import stage


def _one_node(model):
    del model["nodes"][1:]


class _Pages:
    """Watch pages of one node, through an edge."""

    def __init__(self, air, chromium):
        self.air, self.chromium, self.links = air, chromium, []
        self.bare = f"{air.edge_url}/watch/demo"

    def link(self, account, transport="cookie"):
        self.links.append(self.air.url(account, transport, None, "--page"))
        return self.links[-1]

    def open(self, name, url):
        answer = self.chromium.do("open", name, url=url)
        assert answer["status"] == 200, answer

    def wait(self, name, what, condition):
        def holds():
            look = self.chromium.look(name)
            return look if look["headend"] and condition(look) else None
        return stage.wait_for(f"{name}: {what}", holds, 60)

    def wait_playing(self, name):
        look = self.wait(name, "pictures", lambda look: len(look["seen"]["frames"]) > stage.FPS)
        assert look["url"] == self.bare, look["url"]
        return look

    def wait_session(self, name, state):
        return self.wait(name, state, lambda look: look["headend"]["session"]["state"] == state)


def _parts(link):
    """Payload and signature of a link's token."""
    return urllib.parse.parse_qs(urllib.parse.urlsplit(link).fragment)["URISigningPackage"][0].split(".")[1:]


def _the_token_goes_out_of_sight(pages):
    for name in ("cookie", "path"):
        link = pages.link("viewer-" + name, name)
        assert link.startswith(pages.bare + "#URISigningPackage="), link
        pages.open(name, link)
        look = pages.wait_playing(name)
        assert not look["words"] and not look["seen"]["violations"], (look["words"], look["seen"]["violations"])
        assert not any(part in look["text"] for part in _parts(link)), look["text"]


def _a_reload_keeps_the_session(pages):
    for name in ("cookie", "path"):
        pages.chromium.do("reload", name)
        look = pages.wait_playing(name)
        assert look["headend"]["session"]["state"] == "open" and not look["headend"]["errors"], look["headend"]


def _a_newer_session_evicts(pages):
    for name in ("cookie", "path"):
        pages.open("newer-" + name, pages.link("viewer-" + name, name))
        look = pages.wait_session(name, "evicted")
        assert "Evicted: a newer session of the account took this one's place (604)." in look["text"], look["text"]
        pages.wait_playing("newer-" + name)


def _a_refusal_is_shown_in_words(pages):
    token, signature = pages.link("stranger").rsplit(".", 1)
    pages.open("forged", f"{token}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}")
    look = pages.wait_session("forged", "refused")
    assert "Refused: the token's signature does not verify (400)." in look["text"], look["text"]
    assert look["url"] == pages.bare and look["ranges"] == [], look
    pages.open("bare", pages.bare)
    look = pages.wait_session("bare", "refused")
    assert "Refused: neither a token nor a credential was sent (600)." in look["text"], look["text"]


def _a_link_over_the_page_opens_a_session(pages):
    pages.chromium.do("goto", "bare", url=pages.link("guest"))
    pages.wait_playing("bare")


def _what_is_buffered_plays_while_the_node_is_away(pages):
    before = pages.wait_playing("bare")["headend"]["stalls"]["count"]
    pages.air.kill_node("A")
    look = pages.wait("bare", "a stall", lambda look: look["headend"]["stalls"]["count"] > before)
    assert look["ranges"][-1][1] - look["time"] < 1, (look["ranges"], look["time"])
    pages.wait("bare", "its words", lambda look: re.search(r"^stalls\n+[1-9]\d*, longest ", look["text"], re.M))
    pages.wait_session("bare", "waiting")
    last = pages.chromium.look("bare")["headend"]["msn"]
    pages.air.start_node("A")
    pages.wait("bare", "newer segments", lambda look: (look["headend"]["msn"] or 0) > last + 2)
    look = pages.wait_session("bare", "open")
    assert "The session is open." in look["text"], look["text"]


def _no_file_holds_a_token(pages):
    found = [path for path in pages.air.dir.rglob("*") if path.is_file()]
    assert any("cache" in path.parts for path in found), found
    for path in found:
        with contextlib.suppress(FileNotFoundError):
            data = path.read_bytes()
            for link in pages.links:
                assert not any(part.encode() in data for part in _parts(link)), path
    log = (pages.air.dir / "edge" / "access.log").read_text()
    assert '"GET /watch/demo" 200' in log and "URISigningPackage" not in log, log


def test_the_page_and_its_session():
    with stage.Stage(change=_one_node).on_air() as air, browser.Browser(air) as chromium:
        pages = _Pages(air, chromium)
        _the_token_goes_out_of_sight(pages)
        _a_reload_keeps_the_session(pages)
        _a_newer_session_evicts(pages)
        _a_refusal_is_shown_in_words(pages)
        _a_link_over_the_page_opens_a_session(pages)
        _no_file_holds_a_token(pages)
        _what_is_buffered_plays_while_the_node_is_away(pages)


stage.main()
