# An edge of gst-headend, written by "headend edge --for varnish". It runs in the foreground:
#   varnishd -F -f FILE -a @LISTEN@ -n "@DIR@/varnish" -s default,1g -p vsl_mask=@MASK@
# The mask keeps the log, which lies in a file of @DIR@/varnish, free of what tells a token or
# a session: URLs and all fields of requests and answers. What may be known is in lines of our
# own, which
#   varnishncsa -n "@DIR@/varnish" -F '%{VCL_Log:edge}x' -w "@DIR@/access.log"
# writes out. With another mask, or with %r, %U, %q or %{...}i in a format, tokens would be in
# that log; and who may read @DIR@/varnish could run varnishlog for all to see.
#
# TLS ends in front of it: hitch or HAProxy on this machine, speaking the PROXY protocol to
#   -a 127.0.0.1:8443,PROXY
# which tells the viewer's address. Take "http" for "https" in X-Forwarded-Proto below then.
# The kernel: see what "headend edge" writes for nginx.
vcl 4.1;

import directors;
import std;

@BACKENDS@
sub vcl_init {
@DIRECTORS@
}

# Neither query, parameter of the path (whose semicolon may come as %3B), cookie nor session
# prefix reaches the log: a path is written where it is one of ours letter by letter, so that no
# other spelling of a prefix (/live/../s/...) is; names are shorter than any session.
sub written {
  set req.http.Headend-Path = regsub(regsub(req.http.Headend-Path, "[;%].*$", ""), "^/s/[\w-]+/", "/s/*/");
  if (req.http.Headend-Path !~ "^((/s/\*)?@PATHS@|/watch/[\w.-]{1,64})$") {
    set req.http.Headend-Path = "-";
  }
  std.log("edge:" + client.ip + " " + req.method + " " + req.http.Headend-Path + " "
          + resp.status + " " + req.http.Headend-Hits);
}

# What pages of the allowed origins get.
sub cors {
@CORS@
}

# Fields by which the two halves of a request know each other are ours alone.
sub clean {
  unset req.http.Headend-Path;
  unset req.http.Headend-Shared;
  unset req.http.Headend-Channel;
  unset req.http.Headend-Ticket;
  unset req.http.Headend-Lease;
  unset req.http.Headend-Cookie;
  unset req.http.Headend-Hits;
  unset req.http.Headend-Range;
  unset req.http.X-Original-URI;
  unset req.http.X-Forwarded-Host;
  unset req.http.Proxy;
  set req.http.Headend-Origin = req.http.Origin;
  # What a viewer claims of his address is no evidence.
  set req.http.X-Forwarded-For = client.ip;
  set req.http.X-Forwarded-Proto = "http";
  # For what comes out of the cache alone: a backend's answer that does not fit a Range is a 503
  # here, after all nodes were asked, where the Range is odd, too. What asks for no bytes or for
  # several parts is ignored (RFC 9110 section 14.2), where Varnish says 416; a playlist is whole.
  # So are numbers of which it makes others, and what HEAD has no parts for.
  if (req.method == "GET" && req.http.Range ~ "(?i)^bytes=([0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})$"
      && req.url !~ "\.m3u8") {
    set req.http.Headend-Range = req.http.Range;
  }
  unset req.http.Range;
}

# Bytes that many share are fetched without anything of the one who asks.
sub anonymous {
  unset req.http.Cookie;
  unset req.http.Authorization;
  unset req.http.X-Original-URI;
  unset req.http.X-Forwarded-For;
  unset req.http.Referer;
  unset req.http.User-Agent;
  unset req.http.Origin;
  set req.http.Host = "headend";
}

sub vcl_recv {
  if (req.restarts == 0) {
    call clean;
    set req.http.Headend-Path = regsub(req.url, "\?.*$", "");
    set req.http.Headend-Channel = regsub(req.http.Headend-Path, "^(/s/[^/]+)?/live/([A-Za-z0-9_-]+)/.*$", "\2");
    # RFC 9112 section 3.2: a name or an address, which HTTP/1.0 alone may leave out.
    if ((!req.http.Host && req.proto == "HTTP/1.1")
        || (req.http.Host && req.http.Host !~ "^@HOST@$")) {
      return (synth(400));
    }
    # A session may be refreshed by POST, too.
    if (req.method != "GET" && req.method != "HEAD" && req.method != "OPTIONS"
        && !(req.method == "POST" && req.http.Headend-Path ~ "^(/s/[A-Za-z0-9_-]+)?/live/[A-Za-z0-9_-]+/session$")) {
      return (synth(405));
    }
    # No node takes a body of a viewer, and each would be asked in vain.
    if (req.http.Transfer-Encoding || (req.http.Content-Length && req.http.Content-Length != "0")) {
      return (synth(413));
    }
    # A node knows what pages of other origins may ask.
    if (req.method == "OPTIONS" && req.http.Headend-Path ~ "^(/s/[A-Za-z0-9_-]+)?/live/") {
      return (pass);
    }
    # Segments and playlists: first the gate says whether, and which variant (vcl_deliver
    # starts again with that); only then the cache is looked at.
    if (req.http.Headend-Path ~ "^(/s/[A-Za-z0-9_-]+)?/live/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/([0-9]+\.ts|index\.m3u8)$") {
      set req.http.Headend-Shared = regsub(req.http.Headend-Path, "^(/s/[^/]+)?/live/", "");
      set req.http.X-Original-URI = req.url;
      # With the Host: a token may be for this one alone.
      set req.url = "/auth";
      return (pass);
    }
    # Entries, first playlists and keys are one viewer's, and never cached.
    if (req.http.Headend-Path ~ "^(/s/[A-Za-z0-9_-]+)?/live/") {
      return (pass);
    }
    # The watch page and its files are public; their query is nobody's.
    if (req.http.Headend-Path ~ "^/watch/[A-Za-z0-9._-]+$" && req.method != "OPTIONS") {
      set req.url = req.http.Headend-Path;
      call anonymous;
      return (hash);
    }
    return (synth(404));
  }
  call anonymous;
  if (req.http.Headend-Range) {
    set req.http.Range = req.http.Headend-Range;
  }
  return (hash);
}

# The key: names that were checked letter by letter, and the variant. No Host, no query.
sub vcl_hash {
  hash_data(req.url);
  return (lookup);
}

sub vcl_backend_fetch {
  # A channel's playlists, entries and decisions from one node while it is up, its segments
  # from any; when one fails the next is tried, whatever became of it before.
  if (bereq.url == "/auth") {
    set bereq.backend = gates.backend(by = KEY, key = gates.key(bereq.http.Headend-Channel));
    if (bereq.retries > 0) {
      set bereq.backend = gates.backend(by = KEY, key = gates.key(bereq.http.Headend-Channel), alt = bereq.retries, healthy = IGNORE);
    }
  } else if (bereq.url ~ "^/(origin|playlists)/") {
    set bereq.backend = origins.backend(by = KEY, key = origins.key(bereq.http.Headend-Channel));
    if (bereq.retries > 0) {
      set bereq.backend = origins.backend(by = KEY, key = origins.key(bereq.http.Headend-Channel), alt = bereq.retries, healthy = IGNORE);
    }
  } else {
    set bereq.backend = viewers.backend(by = KEY, key = viewers.key(bereq.http.Headend-Channel));
    if (bereq.retries > 0) {
      set bereq.backend = viewers.backend(by = KEY, key = viewers.key(bereq.http.Headend-Channel), alt = bereq.retries, healthy = IGNORE);
    }
  }
  unset bereq.http.Headend-Path;
  unset bereq.http.Headend-Shared;
  unset bereq.http.Headend-Lease;
  unset bereq.http.Headend-Cookie;
  unset bereq.http.Headend-Origin;
  unset bereq.http.Headend-Range;
  unset bereq.http.X-Varnish;
}

sub vcl_backend_response {
  if (bereq.retries < @RETRIES@
      && (beresp.status == 500 || beresp.status == 502 || beresp.status == 503 || beresp.status == 504
          || (beresp.status == 404 && bereq.url ~ "^/origin/"))) {
    return (retry);
  }
  if (bereq.uncacheable) {
    return (deliver);
  }
  unset beresp.http.Vary;
  # Only what is the same for everybody is kept, and only when it is there.
  if (beresp.status != 200 || beresp.http.Set-Cookie || bereq.url !~ "^/(origin|playlists|watch)/") {
    set beresp.uncacheable = true;
    set beresp.ttl = 1s;
    return (deliver);
  }
  set beresp.keep = 0s;
  if (bereq.url ~ "^/playlists/.*/index\.m3u8$") {
    # Whatever is listed now. While one request fetches the next, and when no node answers,
    # the others get the last.
    set beresp.ttl = 500ms;
    set beresp.grace = 1500ms;
  } else if (bereq.url ~ "^/playlists/") {
    # What it lists is in its name.
    set beresp.ttl = 10s;
    set beresp.grace = 0s;
  } else {
    set beresp.ttl = 60s;
    set beresp.grace = 0s;
  }
  return (deliver);
}

sub vcl_backend_error {
  if (bereq.retries < @RETRIES@) {
    return (retry);
  }
  set beresp.http.Retry-After = "1";
  set beresp.http.Cache-Control = "no-store";
  set beresp.http.Content-Type = "text/plain";
  set beresp.body = "no node answers\n";
  set beresp.uncacheable = true;
  set beresp.ttl = 0s;
  return (deliver);
}

sub vcl_deliver {
  unset resp.http.X-Varnish;
  unset resp.http.Via;
  unset resp.http.Age;
  if (req.url == "/auth") {
    if (resp.status == 204 && resp.http.Headend-Ticket) {
      set req.http.Headend-Ticket = resp.http.Headend-Ticket;
      if (req.http.Headend-Shared ~ "\.ts$") {
        if (resp.http.X-Variant !~ "^(a|b|none)$") {
          return (synth(503));
        }
        set req.url = "/origin/" + resp.http.X-Variant + "/" + req.http.Headend-Shared;
      } else {
        # What the gate lists at this moment, so that nobody gets an older one.
        if (resp.http.Headend-Playlist !~ "^(index|[0-9]+-[0-9]+)$") {
          return (synth(503));
        }
        set req.url = "/playlists/live/" + regsub(req.http.Headend-Shared, "index\.m3u8$", resp.http.Headend-Playlist + ".m3u8");
        set req.http.Headend-Lease = resp.http.Headend-Lease;
        # One that is not there would be set as an empty one.
        if (resp.http.Set-Cookie) {
          set req.http.Headend-Cookie = resp.http.Set-Cookie;
        }
      }
      return (restart);
    }
    if (resp.status < 400 || resp.status >= 500) {
      return (synth(503));
    }
    set resp.http.Cache-Control = "no-store";
    call cors;
  } else if (req.url ~ "^/(origin|playlists)/") {
    # What is one viewer's is added after the cache, and no cache behind us may keep it.
    set resp.http.Cache-Control = "private, no-store";
    # Would tell viewers which positions carry a mark.
    unset resp.http.@PACE@;
    if (req.http.Headend-Lease) {
      set resp.http.Headend-Lease = req.http.Headend-Lease;
    }
    if (req.http.Headend-Cookie) {
      set resp.http.Set-Cookie = req.http.Headend-Cookie;
    }
    call cors;
  }
  set req.http.Headend-Hits = obj.hits;
  call written;
}

sub vcl_synth {
  set resp.http.Cache-Control = "no-store";
  set resp.http.Content-Type = "text/plain";
  unset resp.http.X-Varnish;
  if (resp.status == 503) {
    set resp.http.Retry-After = "1";
  }
  if (resp.status == 405) {
    set resp.http.Allow = "GET, HEAD, OPTIONS";
    if (req.http.Headend-Path ~ "^(/s/[A-Za-z0-9_-]+)?/live/[A-Za-z0-9_-]+/session$") {
      set resp.http.Allow = "GET, HEAD, OPTIONS, POST";
    }
  }
  call cors;
  set resp.body = resp.reason + {"
"};
  call written;
  return (deliver);
}
