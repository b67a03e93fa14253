# SPDX-License-Identifier: LGPL-2.1-or-later
"""Players that show a token in a header play for longer than three leases, and than the token: hls.js in a page of
another origin, by XMLHttpRequest and by fetch, from a node, nginx and Varnish; and both HLS demuxers of GStreamer."""
import http.server
import os
import pathlib
import threading

import browser
import stage
import test_leases as leases

_HLS = stage.TOP / "plugins" / "gate" / "watch" / "hls.min.js"

# {loader} and {token} are filled in; what it tells is what the watch page does.
_PAGE = """<!doctype html><meta charset=utf-8><link rel=icon href="data:,"><video muted autoplay></video>
<script src="/hls.min.js"></script><script>
"use strict";
const bearer = "Bearer " + location.hash.slice(1);
const how = new URLSearchParams(location.search);
history.replaceState(null, "", location.pathname);
const state = { msn: null, errors: [], session: { state: "opening" }, segments: { main: { gaps: 0 } } };
window.headend = state;
const config = how.get("by") === "fetch"
  ? { progressive: true, fetchSetup: (context, init) => {
      init.headers.set("Authorization", bearer);
      return new Request(context.url, { ...init, credentials: "omit" });
    } }
  : { xhrSetup: (xhr) => xhr.setRequestHeader("Authorization", bearer) };
const hls = new Hls({ liveSyncDurationCount: 4, ...config });
let last = null;
hls.on(Hls.Events.MANIFEST_PARSED, () => { state.session.state = "open"; });
hls.on(Hls.Events.FRAG_BUFFERED, (_, { frag }) => {
  if (frag.type !== "main")
    return;
  state.segments.main.gaps += last !== null && frag.sn > last + 1 ? 1 : 0;
  last = Math.max(last, frag.sn);
});
hls.on(Hls.Events.FRAG_CHANGED, (_, { frag }) => { state.msn = frag.sn; });
hls.on(Hls.Events.ERROR, (_, { details, fatal, response }) => state.errors.push(
  { details, fatal, status: response ? response.code : null }));
hls.loadSource(how.get("from"));
hls.attachMedia(document.querySelector("video"));
</script>"""


class _Site(http.server.ThreadingHTTPServer):
    """Another origin, which serves the page. Nothing of the channel."""

    def __init__(self, port):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                is_script = self.path == "/hls.min.js"
                body = _HLS.read_bytes() if is_script else _PAGE.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass
        super().__init__(("127.0.0.1", port), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class HlsJsByHeader(leases.HlsJs):
    def __init__(self, chromium, air, site, door, base, by):
        self.name, self.chromium, self.process = f"hlsjs-{by}-{door}", chromium, chromium.process
        token = air.token(self.name, "--ttl", str(leases.LEASE))
        url = f"{site}/?by={by}&from={base}/live/demo/main.m3u8#{token}"
        assert chromium.do("open", self.name, url=url, width=320, height=200)["status"] == 200


class _ByHeader:
    """The application sets the field where GStreamer asks it; what else is fetched goes by the cookie."""

    def __init__(self, air, name, url):
        self.token = air.token(name, "--ttl", str(leases.LEASE))
        self.options = {"env": dict(os.environ, HOME=str(air.dir), GST_REGISTRY=str(air.dir / "registry.bin"),
                                    BEARER=self.token)}
        super().__init__(air, name, url)

    def command(self, url):
        return [str(pathlib.Path(os.environ["BUILDDIR"]) / "tests" / "header-player"), self.source, url]


class HlsDemuxByHeader(_ByHeader, leases.HlsDemux):
    pass


class HlsDemux2ByHeader(_ByHeader, leases.HlsDemux2):
    pass


def test_hls_js_of_another_origin_outlives_leases_by_header():
    port, = stage.free_ports(1)
    site = _Site(port)
    origin = f"http://127.0.0.1:{port}"

    def start(air, stack):
        stack.callback(site.server_close)
        stack.callback(site.shutdown)
        doors = {"node": air.origin["A"], "nginx": air.edge_url, "varnish": air.start_varnish()}
        chromium = stack.enter_context(browser.Browser(air))
        return [HlsJsByHeader(chromium, air, origin, door, base, by)
                for door, base in doors.items() for by in ("xhr", "fetch")]
    leases.play("cookie", start, {"allowed-origins": [origin]})


def test_gstreamer_outlives_leases_by_header():
    def start(air, _):
        path = "/live/demo/main.m3u8"
        return [kind(air, f"{kind.__name__.lower()}-{door}", base + path)
                for door, base in (("node", air.origin["A"]), ("nginx", air.edge_url), ("varnish", air.start_varnish()))
                for kind in (HlsDemuxByHeader, HlsDemux2ByHeader)]
    leases.play("cookie", start)


if __name__ == "__main__":
    stage.main()
