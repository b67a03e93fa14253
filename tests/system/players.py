# SPDX-License-Identifier: LGPL-2.1-or-later
"""GStreamer's HLS clients as viewers have them: what they decode is shown at its time."""
import os
import subprocess

import stage

# What decodes, and the client that it has to have taken.
CLIENTS = {"hlsdemux": ("uridecodebin", "GstHLSDemux:"), "hlsdemux2": ("uridecodebin3", "GstHLSDemux2:")}


class GstCounters(stage.Counters):
    """stage.Counters of a player whose pictures come out when they are due, and whose sound does, too."""

    def __init__(self, air, client, url):
        decoder, self.demuxer = CLIENTS[client]
        reader, writer = os.pipe()
        process = subprocess.Popen(
            ["gst-launch-1.0", "-v", decoder, "uri=" + url, "name=d",
             "d.", "!", "video/x-raw", "!", "queue", "!", "videoscale", "!", "videoconvert", "!",
             "video/x-raw,format=GRAY8,width=640,height=360", "!", "videocrop", "top=341", "bottom=17", "!",
             "fdsink", f"fd={writer}", "sync=true",
             "d.", "!", "audio/x-raw", "!", "queue", "!", "fakesink", "sync=true"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[writer],
            env=dict(os.environ, HOME=str(air.dir), GST_REGISTRY=str(air.dir / f"{client}.registry")))
        os.close(writer)
        air.processes.append(process)
        self._listen(process, os.fdopen(reader, "rb"), process.stdout)

    def judge_words(self):
        assert self.demuxer in self.words, f"{self.demuxer} was not used:\n{self.words[-2000:]}"
        assert "ERROR" not in self.words and "WARNING" not in self.words, self.words[-2000:]
