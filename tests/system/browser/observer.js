/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs in the watch page ahead of its own scripts and notes what happens there, in window.seen. It
 * takes nobody's word for it: pictures are read, and what is appended is counted. */
"use strict";

window.seen = {
  frames: [], // [media time in microseconds, burned-in counter] of pictures that were shown
  appended: [], // [type, MSN, samples] of what went into the buffers
  buffered: [], // [type, MSN, when] as hls.js reports it; when: seconds since the page was opened
  began: null, // seconds of buffer ahead when playing was asked for first
  before: 0, // how much had been appended by then
  errors: [], // error events of hls.js, each with when, the seconds of buffer ahead, and late of the last 5 s
  waits: [], // seconds of buffer ahead, each time that playback waited
  stands: 0, // longest time in seconds that the picture's time stood still, once it moved
  late: 0, // by how many seconds the machine was late with a timer, at most
  violations: [], // of the content security policy
};

document.addEventListener("securitypolicyviolation", (event) => {
  seen.violations.push(`${event.violatedDirective}: ${event.blockedURI}`);
});

/* The boxes that tools/feed burns in: bit b is 22 x 20 pixels at (8 + 26 b, 332) of 640 x 360, and where those
 * are in a picture of another size. */
const strip = new OffscreenCanvas(640, 2).getContext("2d", { willReadFrequently: true });

function readCounter(frame) {
  const scale = frame.displayHeight / 360;
  strip.drawImage(frame, 0, 341 * scale, 640 * scale, 2 * scale, 0, 0, 640, 2);
  const { data } = strip.getImageData(0, 0, 640, 1);
  let value = 0;
  for (let bit = 0; bit < 24; bit++)
    value += data[4 * (8 + 26 * bit + 11)] > 127 ? 2 ** bit : 0;
  return value;
}

/* The time is the picture's own, however late we look at it. */
function watchFrames(video) {
  video.requestVideoFrameCallback(() => {
    watchFrames(video);
    const frame = new VideoFrame(video);
    const last = seen.frames.at(-1);
    if (!last || last[0] !== frame.timestamp)
      seen.frames.push([frame.timestamp, readCounter(frame)]);
    frame.close();
  });
}

function ahead(video) {
  for (let i = 0; i < video.buffered.length; i++)
    if (video.buffered.start(i) <= video.currentTime && video.currentTime <= video.buffered.end(i))
      return video.buffered.end(i) - video.currentTime;
  return 0;
}

const lates = []; // [when in milliseconds, by how many seconds]
let ticked = performance.now();

function lateOfLate() {
  const now = performance.now();
  return Math.max((now - ticked) / 1000 - 0.05, ...lates.filter(([when]) => now - when < 5000).map(([, by]) => by));
}

function watchTime(video) {
  let at = 0, since = null;
  video.addEventListener("play", () => {
    if (seen.began === null) {
      seen.began = ahead(video);
      seen.before = seen.appended.length;
    }
  });
  video.addEventListener("waiting", () => {
    if (since !== null && !video.seeking)
      seen.waits.push(ahead(video));
  });
  setInterval(() => {
    const now = performance.now();
    lates.push([now, (now - ticked) / 1000 - 0.05]);
    lates.splice(0, lates.length - 100);
    seen.late = Math.max(seen.late, lates.at(-1)[1]);
    ticked = now;
    if (video.currentTime !== at) {
      at = video.currentTime;
      since = at > 0 && !video.paused ? now : null;
    }
    if (since !== null)
      seen.stands = Math.max(seen.stands, (now - since) / 1000);
  }, 50);
}

/* Samples in all runs of a movie fragment (ISO/IEC 14496-12). */
function countSamples(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const walk = (from, to) => {
    let count = 0;
    for (let at = from; at + 8 <= to; at += view.getUint32(at)) {
      const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
      if (name === "moof" || name === "traf")
        count += walk(at + 8, at + view.getUint32(at));
      else if (name === "trun")
        count += view.getUint32(at + 12);
    }
    return count;
  };
  return walk(0, bytes.byteLength);
}

function watchPlayer(hls, video) {
  hls.on("hlsBufferAppending", (_, { type, frag, data }) => {
    const samples = countSamples(data);
    if (samples)
      seen.appended.push([type, frag.sn, samples]);
  });
  hls.on("hlsFragBuffered", (_, { frag }) => seen.buffered.push([frag.type, frag.sn, performance.now() / 1000]));
  hls.on("hlsError", (_, { details, fatal, response }) => {
    seen.errors.push({ details, fatal, status: response ? response.code : null,
      when: performance.now() / 1000, ahead: ahead(video), late: lateOfLate() });
  });
}

document.addEventListener("DOMContentLoaded", () => {
  const video = document.querySelector("video");
  if (!video)
    return;
  watchFrames(video);
  watchTime(video);
  let watched = null;
  setInterval(() => {
    const hls = window.headend && window.headend.hls;
    if (hls && hls !== watched)
      watchPlayer(watched = hls, video);
  }, 5);
});
