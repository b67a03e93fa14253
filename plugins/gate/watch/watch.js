/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The watch page: opens a session with the token of the address's fragment, which no server and
 * no log ever sees, plays the channel, and says how it goes. What it shows is in window.headend. */
"use strict";

const channel = location.pathname.split("/").pop();
const video = document.getElementById("video");
const show = (id, text) => { document.getElementById(id).textContent = text; };

const state = {
  channel,
  session: { state: "opening", code: null, reason: null, lease: null, leaseFrom: 0 },
  node: null, // that encoded the segment now playing
  origin: null, // that answered with the last playlist
  msn: null,
  latency: null, // seconds behind the feed, as far as the clocks agree
  edge: null, // seconds behind the end of the playlist
  buffer: 0,
  stalls: { count: 0, longest: 0 },
  frames: { shown: 0, dropped: 0 },
  segments: {}, // main, audio: { count, first, last, gaps }
  level: null,
  errors: [], // every error event of hls.js, the last 20
  refetched: 0, // transfers that were cut off and repeated
};
window.headend = state;

function tell(text) {
  const item = document.createElement("li");
  item.textContent = `${new Date().toLocaleTimeString()} ${text}`;
  const list = document.getElementById("events");
  list.prepend(item);
  while (list.children.length > 8)
    list.lastChild.remove();
}

/* The session. */

/* Where the playlist is: below the session's prefix, when it came by path. It belongs to this tab
 * and outlives a reload, as the cookie does by itself. */
const remembered = "headend:" + channel;
const main = () => sessionStorage.getItem(remembered) || `/live/${channel}/main.m3u8`;

/* Takes the token out of the address, before anything else can look at it. */
function takeToken() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  if (location.hash)
    history.replaceState(null, "", location.pathname);
  return { token: fragment.get("URISigningPackage"), byPath: fragment.get("transport") === "path" };
}

function setSession(name, text, code = null, reason = null) {
  const changed = state.session.state !== name;
  Object.assign(state.session, { state: name, code, reason });
  const line = document.getElementById("session");
  line.textContent = text;
  line.className = ["opening", "open", "waiting"].includes(name) ? "" : "bad";
  if (changed)
    tell(text);
}

/* What the gate says of itself when it refuses; get reads a field of its answer. */
function refused(status, get) {
  const code = get("S-Uri-Signing");
  const reason = get("S-Uri-Signing-Deny-Reason") || `the server answered ${status}`;
  const name = { 603: "ended", 604: "evicted" }[code] || "refused";
  const words = { ended: "The session has ended", evicted: "Evicted", refused: "Refused" }[name];
  sessionStorage.removeItem(remembered);
  state.session.lease = null;
  setSession(name, `${words}: ${reason}${code ? ` (${code})` : ""}.`, code, reason);
}

function noteLease(get) {
  const seconds = get("Headend-Lease");
  if (seconds !== null)
    Object.assign(state.session, { lease: Number(seconds), leaseFrom: performance.now() });
}

const later = (seconds) => new Promise((done) => { setTimeout(done, seconds * 1000); });

/* Resolves to the playlist's URL once the gate gives it, or to null when it refuses. */
async function enter(token, byPath) {
  const headers = token ? { Authorization: "Bearer " + token } : {};
  if (token)
    sessionStorage.removeItem(remembered);
  for (;;) {
    let answer = null;
    try {
      answer = await fetch(main() + (token && byPath ? "?transport=path" : ""),
        { headers, cache: "no-store", credentials: "same-origin" });
    } catch {
      setSession("waiting", "The server does not answer; trying again.");
      await later(2);
      continue;
    }
    const get = (name) => answer.headers.get(name);
    if (answer.ok) {
      const path = new URL(answer.url).pathname;
      if (path.startsWith("/s/"))
        sessionStorage.setItem(remembered, path);
      noteLease(get);
      return path;
    }
    if (answer.status < 500) {
      refused(answer.status, get);
      return null;
    }
    setSession("waiting", "The channel is not on air yet; trying again.");
    await later(Number(get("Retry-After")) || 2);
  }
}

/* Playing. */

const nodes = new Map(); // MSN -> node, of the segments that carry the picture
let hls = null;
let begun = false;
Object.defineProperty(state, "hls", { get: () => hls });

const fieldsOf = (xhr) => (name) => (xhr && xhr.getResponseHeader ? xhr.getResponseHeader(name) : null);

/* A node that dies in the middle of a segment cuts it off, which the edge cannot hide: what it
 * sent is sent. hls.js would take that for a fault of the rendition; it is fetched again. */
class PatientLoader extends Hls.DefaultConfig.loader {
  load(context, config, callbacks) {
    const retry = {
      maxNumRetry: 4, retryDelayMs: 250, maxRetryDelayMs: 2000, backoff: "linear",
      shouldRetry(policy, count, isTimeout, response) {
        const again = count < policy.maxNumRetry && (isTimeout || !response.code || response.code >= 500);
        state.refetched += again ? 1 : 0;
        return again;
      },
    };
    const loadPolicy = { ...config.loadPolicy, errorRetry: retry, timeoutRetry: retry };
    super.load(context, { ...config, loadPolicy }, callbacks);
  }
}

/* Until it plays, a slow player may move on to the live edge: nothing is missing then. */
function onBuffered({ frag }) {
  let seen = state.segments[frag.type];
  if (!seen || (!begun && frag.sn > seen.last + 1))
    seen = state.segments[frag.type] = { count: 0, first: frag.sn, last: frag.sn - 1, gaps: 0 };
  if (frag.sn > seen.last + 1) {
    seen.gaps += 1;
    tell(`${frag.type} segments ${seen.last + 1} to ${frag.sn - 1} are missing`);
  }
  seen.count += 1;
  seen.last = Math.max(seen.last, frag.sn);
}

/* Pictures wait for a segment to be there behind the one that they begin in: where in it they begin is not ours to
 * say, and the next one may be a while coming. */
function beginWhenReady() {
  const details = hls.latestLevelDetails;
  for (let i = 0; !begun && details && i < video.buffered.length; i++) {
    const from = Math.max(video.currentTime, video.buffered.start(i));
    if (video.buffered.end(i) - from < Math.min(1.5 * details.targetduration, 20)) // at 30 s hls.js loads no more
      continue;
    begun = true;
    if (video.currentTime < from) // pictures and sound do not begin with the same segment
      video.currentTime = from;
    video.play().catch(() => tell("press play"));
  }
}

function onLoaded({ frag, networkDetails }) {
  if (frag.type !== "main")
    return;
  nodes.set(frag.sn, fieldsOf(networkDetails)("Headend-Node"));
  nodes.delete(frag.sn - 64);
}

function onPlaylist({ networkDetails }) {
  const get = fieldsOf(networkDetails);
  const origin = get("Headend-Node");
  if (origin && origin !== state.origin) {
    if (state.origin)
      tell(`playlists come from node ${origin} now`);
    state.origin = origin;
  }
  if (state.session.state === "waiting")
    setSession("open", "The session is open.");
  noteLease(get);
}

function onChanged({ frag }) {
  const node = nodes.get(frag.sn) || null;
  if (state.node && node && node !== state.node)
    tell(`segments were encoded by node ${node} from ${frag.sn} on`);
  state.msn = frag.sn;
  state.node = node;
}

/* What is buffered goes on playing meanwhile. */
let waiting = null;
function loadAgain() {
  const away = hls;
  setSession("waiting", "The server does not answer; trying again.");
  clearTimeout(waiting);
  waiting = setTimeout(() => { if (hls === away) hls.startLoad(); }, 2000);
}

function onError({ type, details, fatal, reason, networkDetails, response }) {
  const status = response ? response.code : 0;
  state.errors.push({ type, details, fatal, status });
  state.errors.splice(0, state.errors.length - 20);
  tell(`hls.js: ${details}${status ? ` (${status})` : ""}`);
  if (status === 401 || status === 403) {
    stop();
    refused(status, fieldsOf(networkDetails));
  } else if (details === Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) {
    stop();
    setSession("unsupported", `This browser decodes no rendition of the channel: ${reason}.`);
  } else if (fatal && type === Hls.ErrorTypes.MEDIA_ERROR) {
    begun &&= video.paused; // it pauses, unless the viewer did
    hls.recoverMediaError();
  } else if (fatal && type === Hls.ErrorTypes.NETWORK_ERROR && hls.levels.length) {
    loadAgain();
  } else if (fatal) {
    stop();
    later(2).then(() => start(null, false));
  }
}

function stop() {
  hls.destroy();
  hls = null;
}

async function start(token, byPath) {
  const url = await enter(token, byPath);
  if (url === null)
    return;
  /* One segment more than players usually keep: a node that takes over may list its first
   * segment a second late. */
  hls = new Hls({ loader: PatientLoader, backBufferLength: 30, liveSyncDurationCount: 4 });
  begun = false;
  hls.on(Hls.Events.FRAG_BUFFERED, (_, data) => { onBuffered(data); beginWhenReady(); });
  hls.on(Hls.Events.FRAG_LOADED, (_, data) => onLoaded(data));
  hls.on(Hls.Events.LEVEL_LOADED, (_, data) => onPlaylist(data));
  hls.on(Hls.Events.FRAG_CHANGED, (_, data) => onChanged(data));
  hls.on(Hls.Events.ERROR, (_, data) => onError(data));
  hls.loadSource(url);
  hls.attachMedia(video);
  setSession("open", "The session is open.");
}

/* Stalls: playback waits for data. What comes before the first picture, and a seek, is none. */

let playing = false, waitingSince = 0;
video.addEventListener("playing", () => {
  playing = true;
  if (waitingSince)
    state.stalls.longest = Math.max(state.stalls.longest, (performance.now() - waitingSince) / 1000);
  waitingSince = 0;
});
video.addEventListener("waiting", () => {
  if (!playing || video.seeking || waitingSince)
    return;
  waitingSince = performance.now();
  state.stalls.count += 1;
  tell("playback stalls");
});
video.addEventListener("emptied", () => { playing = false; waitingSince = 0; });

/* What is shown, twice a second. */

function bufferAhead() {
  for (let i = 0; i < video.buffered.length; i++)
    if (video.buffered.start(i) <= video.currentTime && video.currentTime <= video.buffered.end(i))
      return video.buffered.end(i) - video.currentTime;
  return 0;
}

function measure() {
  const quality = video.getVideoPlaybackQuality();
  const level = hls && hls.levels[hls.currentLevel];
  const date = hls && hls.playingDate;
  state.buffer = bufferAhead();
  state.latency = date ? (Date.now() - date.getTime()) / 1000 : null;
  state.edge = hls && hls.latency > 0 ? hls.latency : null;
  state.frames = { shown: quality.totalVideoFrames - quality.droppedVideoFrames, dropped: quality.droppedVideoFrames };
  state.level = level ? `${level.height ? `${level.width}x${level.height}, ` : ""}${Math.round(level.bitrate / 1000)} kbit/s` : null;
}

function render() {
  measure();
  const { stalls, frames, segments, session } = state;
  const seconds = (value) => (value === null ? "–" : `${value.toFixed(1)} s`);
  const picture = segments.main || { count: 0, gaps: 0 };
  const left = session.lease === null ? null : session.lease - (performance.now() - session.leaseFrom) / 1000;
  show("node", state.node ?? "–");
  show("origin", state.origin ?? "–");
  show("msn", state.msn ?? "–");
  show("latency", `${seconds(state.latency)} (playlist's end: ${seconds(state.edge)})`);
  show("buffer", seconds(state.buffer));
  show("stalls", stalls.count ? `${stalls.count}, longest ${stalls.longest.toFixed(1)} s` : "none");
  show("frames", `${frames.shown} shown, ${frames.dropped} dropped`);
  show("segments", `${picture.count} played, ${picture.gaps} gaps, ${state.refetched} fetched again`);
  show("level", state.level ?? "–");
  show("lease", left === null ? "–" : `${Math.max(left, 0).toFixed(0)} s left`);
  show("errors", state.errors.length ? state.errors.at(-1).details : "none");
}

show("channel", channel);
document.title = `${channel} · headend`;
/* A link pasted over this page changes the fragment only, and loads nothing. */
addEventListener("hashchange", () => location.reload());
const { token, byPath } = takeToken();
if (Hls.isSupported()) {
  setSession("opening", "Opening a session.");
  start(token, byPath);
  setInterval(render, 500);
} else {
  setSession("unsupported", "This browser has no Media Source Extensions, which hls.js needs.");
}
