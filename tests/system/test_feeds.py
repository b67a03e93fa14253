# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every kind of source, from real senders: a feed of tools/feed, sent on by ffmpeg or a real RTMP
server."""
import contextlib
import json
import re
import select
import socket
import subprocess
import tempfile
import threading
import time

import stage


def _relay(air, *output, times=("-copyts",)):
    """Sends the feed on as it is, timestamps included; ends with the stage."""
    process = air.spawn("relay", "ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", *times, "-i",
                        f"srt://127.0.0.1:{air.feed_port}?connect_timeout=60000", "-map", "0", "-c", "copy", *output)
    air.processes.append(process)
    return process


def _channel(air, node, name="demo"):
    """What the node's origin says of a channel, {} while it says nothing."""
    try:
        channels = json.loads(stage.get(air.internal[node] + "/status").body)["channels"]
    except OSError:
        return {}
    return next(c for c in channels if c["name"] == name)


def _wait_clean(air, node, *names):
    def clean(name):
        channel = _channel(air, node, name)
        return channel.get("filled") and channel["run"] >= 6 and channel["newest"] == "clean"
    for name in names:
        stage.wait_for(f"clean segments of {name}", lambda: clean(name), 90)


def test_every_transport_of_a_transport_stream():
    udp, group, rtp, tcp, srt = stage.free_ports(5)
    sources = {"udp": f"udp://127.0.0.1:{udp}", "group": f"udp://239.255.77.3:{group}?interface=lo",
               "rtp": f"rtp://127.0.0.1:{rtp}", "tcp": f"tcp://127.0.0.1:{tcp}",
               "listener": f"srt://127.0.0.1:{srt}?mode=listener"}

    def change(model):
        first, = model["channels"]
        first.update({"watermark": False, "video": [{"width": 160, "height": 90, "bitrate": 100}]})
        model["channels"] = [{**first, "name": name, "source": uri} for name, uri in sources.items()]
        model["channels"][0]["program"] = 1
    with stage.Stage("single.json", change=change) as air:
        air.start_feed()
        air.start_node("node")
        _relay(air, "-f", "mpegts", f"udp://127.0.0.1:{udp}?pkt_size=1316")
        _relay(air, "-f", "mpegts", f"udp://239.255.77.3:{group}?localaddr=127.0.0.1&pkt_size=1316")
        _relay(air, "-f", "rtp_mpegts", f"rtp://127.0.0.1:{rtp}?pkt_size=1316")
        # Workers start one after the other; a sender that waits for them would lose its own input.
        for name, output in (("tcp", f"tcp://127.0.0.1:{tcp}?listen=1"),
                             ("listener", f"srt://127.0.0.1:{srt}?mode=caller&connect_timeout=60000")):
            log = air.dir / "node-node.log"
            stage.wait_for(f"worker {name}", lambda: f"worker:{name} takes" in log.read_text(errors="replace"), 300)
            _relay(air, "-f", "mpegts", output)
        _wait_clean(air, "node", *sources)


def _rtmp_server(air, port):
    folder = air.dir / "rtmp"
    folder.mkdir()
    conf = folder / "nginx.conf"
    conf.write_text(f"""load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
        worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
        events {{ }}
        rtmp {{ server {{ listen 127.0.0.1:{port}; chunk_size 4096;
                 application live {{ live on; wait_key on; }} }} }}""")
    air.processes.append(air.spawn("rtmp", "/usr/sbin/nginx", "-c", str(conf), "-p", str(folder), "-e",
                                   str(folder / "error.log")))


def _same(viewers):
    """Whether two viewers at two nodes get the same pictures and times, segment by segment."""
    listed = [dict(v.media("360p")) for v in viewers]
    both = sorted(set(listed[0]) & set(listed[1]))[-3:]
    for n in both:
        a, b = (v.segment("360p", n, keys[n]) for v, keys in zip(viewers, listed))
        assert stage.timestamps(a, "v") == stage.timestamps(b, "v"), n
        assert stage.counters_of(a)[0] == stage.counters_of(b)[0], n
        times = sorted(stage.timestamps(a, "v"))
        assert all(y - x == 3600 for x, y in zip(times, times[1:])), (n, times)
    return len(both)


def test_rtmp_through_a_server():
    port, = stage.free_ports(1)

    def change(model):
        del model["edge"]
        for channel in model["channels"]:
            channel["source"] = f"rtmp://127.0.0.1:{port}/live/verysecret"
    with stage.Stage(change=change) as air:
        _rtmp_server(air, port)
        air.start_feed()
        output = ["-f", "flv", f"rtmp://127.0.0.1:{port}/live/verysecret"]
        publisher = _relay(air, *output)
        air.start_node("A")
        stage.wait_for("segments of A", lambda: _channel(air, "A").get("filled"), 90)
        air.start_node("B")  # joins a stream that has long been running
        air.wait_ready("B")
        viewers = [stage.Viewer(air.url(f"viewer-{n}", "cookie", air.origin[n])) for n in air.origin]
        assert stage.wait_for("common segments", lambda: _same(viewers), 30)
        anchors = [_channel(air, n)["anchor"] for n in air.origin]
        assert anchors[0] == anchors[1] and anchors[0]["generation"] == 0, anchors

        # Who publishes again with timestamps from zero begins a new timeline, and numbers go on.
        before = _channel(air, "A")["last-msn"]
        stage.end(publisher)
        time.sleep(3)
        _relay(air, *output, times=())
        stage.wait_for("a new timeline", lambda: all(_channel(air, n)["anchor"]["generation"] == 1
                                                     for n in air.origin), 90)
        for node in air.origin:
            _wait_clean(air, node, "demo")
            channel = _channel(air, node)
            assert channel["last-msn"] > before, (before, channel)
        for node in air.origin:
            log = (air.dir / f"node-{node}.log").read_text(errors="replace")
            assert "verysecret" not in log, log[-3000:]


def _double(stop, port, target, late=0.06):
    """A network that doubles each datagram, until stop: the copy comes behind others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        way.bind(("127.0.0.1", port))
        copies = []
        while not stop.is_set():
            while copies and copies[0][0] <= time.monotonic():
                way.sendto(copies.pop(0)[1], ("127.0.0.1", target))
            if select.select([way], [], [], 0.01)[0]:
                data = way.recv(2048)
                way.sendto(data, ("127.0.0.1", target))
                copies.append((time.monotonic() + late, data))


def test_what_comes_twice_is_dropped():
    port, target = stage.free_ports(2)

    def change(model):
        model["channels"][0].update({"source": f"udp://127.0.0.1:{target}", "watermark": False,
                                     "video": [{"width": 160, "height": 90, "bitrate": 100}]})
    stop = threading.Event()
    with stage.Stage("single.json", change=change) as air:
        way = threading.Thread(target=_double, args=(stop, port, target))
        way.start()
        try:
            air.start_feed()
            _relay(air, "-f", "mpegts", f"udp://127.0.0.1:{port}?pkt_size=1316")
            air.start_node("node")
            seen = lambda: (_channel(air, "node").get("inputs") or [{}])[0]
            stage.wait_for("copies", lambda: seen().get("twice", 0) > 1000, 90)
        finally:
            stop.set()
            way.join()
        # Each copy that is taken is at least one; a machine that is busy may lose some itself, and bring
        # copies too late.
        assert seen()["gaps"] < seen()["twice"] / 3, seen()


def test_a_backup_takes_over():
    first, second = stage.free_ports(2)

    def change(model):
        channel, = model["channels"]
        channel.update({"source": f"udp://127.0.0.1:{first}", "backup": f"udp://127.0.0.1:{second}", "window": 50})
    with stage.Stage("single.json", change=change) as air:
        air.start_feed()
        legs = [_relay(air, "-f", "mpegts", f"udp://127.0.0.1:{port}?pkt_size=1316") for port in (first, second)]
        air.start_node("node")
        log = air.dir / "node-node.log"
        said = lambda words: words in log.read_text(errors="replace")
        stage.wait_for("segments", lambda: _channel(air, "node").get("run", 0) >= 4, 90)
        stage.end(legs[0])
        stage.wait_for("the backup", lambda: said(f"takes udp://127.0.0.1:{second} now"))
        told = lambda: [(i["name"], i["up"], i["taken"]) for i in _channel(air, "node").get("inputs", [])]
        stage.wait_for("word of it", lambda: told() == [("source", False, False), ("backup", True, True)])
        _relay(air, "-f", "mpegts", f"udp://127.0.0.1:{first}?pkt_size=1316")
        stage.wait_for("the first source again", lambda: said(f"takes udp://127.0.0.1:{first} now"), 90)
        back = _channel(air, "node")["run"]
        stage.wait_for("a window that holds all of it", lambda: _channel(air, "node").get("filled") and
                       _channel(air, "node")["run"] > back + 3, 180)
        viewer = stage.Viewer(air.url("viewer", "cookie", air.origin["node"]))
        seen = []
        for n, key in viewer.media("360p"):
            seen += stage.counters_of(viewer.segment("360p", n, key))[0]
        # Not a picture is missing where one feed took over from the other, nor there twice.
        wrong = stage.consecutive(seen)
        assert not wrong, (wrong, re.findall(r".*(?:takes|filled|anchor \{).*", log.read_text()))
        assert _channel(air, "node")["anchor"]["generation"] == 0


def _map_without_sound(packet):
    """The programme map in a packet, as its multiplexer made it before it knew of the sound."""
    section = bytearray(packet[5:8 + ((packet[6] & 15) << 8 | packet[7]) - 4])
    at, streams = 12 + ((section[10] & 15) << 8 | section[11]), b""
    head = bytes(section[:at])
    while at < len(section):
        size = 5 + ((section[at + 3] & 15) << 8 | section[at + 4])
        streams += bytes(section[at:at + size]) if section[at] != 0x0f else b""
        at += size
    assert len(head + streams) < len(section), "no sound in the map"
    made = bytearray(head + streams)
    made[1:3] = (0xb000 | len(made) + 4 - 3).to_bytes(2, "big")
    crc = 0xffffffff
    for byte in made:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04c11db7 if crc & 1 << 31 else 0)) & 0xffffffff
    return (packet[:5] + bytes(made) + crc.to_bytes(4, "big")).ljust(188, b"\xff")


def _send_with_old_maps(air, server, away):
    """To everybody who calls, the feed behind an old map, as GStreamer 1.26's srtsink sends it; while away is set
    all maps are such."""
    while True:
        try:
            caller, _ = server.accept()
        except OSError:
            return
        relay = subprocess.Popen(
            ["ffmpeg", "-hide_banner", "-loglevel", "fatal", "-nostdin", "-copyts", "-i",
             f"srt://127.0.0.1:{air.feed_port}?connect_timeout=60000", "-map", "0", "-c", "copy", "-f", "mpegts",
             "pipe:1"],
            stdout=subprocess.PIPE)
        air.processes.append(relay)
        first = True
        with caller, contextlib.suppress(OSError):
            while len(packet := relay.stdout.read(188)) == 188:
                if packet[1:3] == b"\x50\x00":  # the map, where ffmpeg puts it
                    if first:
                        caller.sendall(_map_without_sound(packet))
                        time.sleep(0.5)
                    elif away.is_set():
                        packet = _map_without_sound(packet)
                    first = False
                caller.sendall(packet)
        stage.end(relay)


def test_a_map_without_sound():
    """It comes first, and now and then: the channel goes on, with silence where its sound has no place."""
    def change(model):
        model["channels"][0].update({"source": f"tcp://127.0.0.1:{server.getsockname()[1]}", "window": 10,
                                     "video": [{"width": 160, "height": 90, "bitrate": 100}]})
    with socket.create_server(("127.0.0.1", 0)) as server, stage.Stage("single.json", change=change) as air:
        away = threading.Event()
        threading.Thread(target=_send_with_old_maps, args=(air, server, away), daemon=True).start()
        air.start_feed()
        air.start_node("node")
        _wait_clean(air, "node", "demo")
        away.set()
        stage.wait_for("filler", lambda: _channel(air, "node")["newest"] != "clean")
        away.clear()
        _wait_clean(air, "node", "demo")
        channel = _channel(air, "node")
        log = (air.dir / "node-node.log").read_text(errors="replace")
        assert channel["anchor"]["generation"] == 0 and "has no AAC" not in log, (channel, log)
        assert log.count(" takes tcp:") == 1, log
        viewer = stage.Viewer(air.url("viewer", "cookie", air.origin["node"]))
        listed = viewer.media("audio")
        assert [n for n, _ in listed] == list(range(listed[0][0], listed[-1][0] + 1)), listed
        sound = [t for n, key in listed for t in stage.timestamps(viewer.segment("audio", n, key), "a")]
        assert sound and all((b - a) % 2**33 == 1920 for a, b in zip(sound, sound[1:])), sound


def _assert_seen_and_harmless(scheme):
    with tempfile.TemporaryDirectory(prefix="headend-test-") as folder:
        code, said, report = stage.drill(folder, "leg-loss", source=f"{scheme}://192.0.2.1:9")
        drill, = report["drills"]
        costs = [name for name in ("frames-lost", "frames-repeated", "frames-undecoded", "aac-frames-lost",
                                   "aac-frames-repeated", "misplaced", "uneven", "broken") if drill[name]]
        assert not costs and drill["frames"] > 5 * stage.FPS, said
        assert [s["node"] for s in drill["strikes"] if "detect-ms" in s] == ["A", "B"], drill
        # Whether the clean copy always comes in time, and how long a player stands still, is for a machine that
        # does nothing else.
        late = ("stands still", "frames of filler", "jumps of the pictures")
        assert all(any(words in reason for words in late) for reason in drill["reasons"]), said
        assert code == (1 if drill["reasons"] else 0), said


def test_a_leg_that_loses_packets():
    """By UDP and RTP nothing brings them back: the node says so, and viewers see the other node's copies."""
    for scheme in ("udp", "rtp"):
        _assert_seen_and_harmless(scheme)


def test_plain_rtp():
    """H.264 and AAC by RTP and RTCP of ffmpeg and of GStreamer: whole segments, sound beside its pictures, and
    no promise of a timeline that nodes share."""
    ports = stage.free_ports(8)
    # RTCP comes on the port behind each.
    video, audio, gst_video, gst_audio = (port for port in ports[::2])
    query = lambda v, a: f"rtp://127.0.0.1:{v}?h264=96&aac=97&aac-port={a}&aac-config=1190"

    def change(model):
        first, = model["channels"]
        first.update({"watermark": False, "video": [{"width": 640, "height": 360, "bitrate": 300}]})
        model["channels"] = [{**first, "name": "ffmpeg", "source": query(video, audio)},
                             {**first, "name": "gst", "source": query(gst_video, gst_audio)}]
    with stage.Stage("single.json", change=change) as air:
        said = air.headend("check", str(air.description))
        assert said.count("one node only, not active-active") == 2, said
        air.start_feed()
        air.start_node("node")
        srt = f"srt://127.0.0.1:{air.feed_port}"
        air.processes.append(air.spawn(
            "relay", "ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-i", f"{srt}?connect_timeout=60000",
            "-map", "0:v", "-c", "copy", "-payload_type", "96", "-f", "rtp", f"rtp://127.0.0.1:{video}",
            "-map", "0:a", "-c:a", "aac", "-ac", "2", "-ar", "48000", "-flags", "+global_header",
            "-payload_type", "97", "-f", "rtp", f"rtp://127.0.0.1:{audio}"))
        air.processes.append(air.spawn("gst", "gst-launch-1.0", "-q", *f"""rtpbin name=rtp
            srtsrc uri={srt} ! tsdemux name=demux
            demux. ! queue ! h264parse config-interval=-1 ! rtph264pay pt=96 ! rtp.send_rtp_sink_0
            demux. ! queue ! aacparse ! rtpmp4gpay pt=97 ! rtp.send_rtp_sink_1
            rtp.send_rtp_src_0 ! udpsink host=127.0.0.1 port={gst_video} sync=false async=false
            rtp.send_rtcp_src_0 ! udpsink host=127.0.0.1 port={gst_video + 1} sync=false async=false
            rtp.send_rtp_src_1 ! udpsink host=127.0.0.1 port={gst_audio} sync=false async=false
            rtp.send_rtcp_src_1 ! udpsink host=127.0.0.1 port={gst_audio + 1} sync=false async=false""".split()))
        _wait_clean(air, "node", "ffmpeg", "gst")
        for name in ("ffmpeg", "gst"):
            assert _channel(air, "node", name)["anchor"]["generation"] == 0, name


def test_a_source_without_a_common_timeline():
    two = json.loads((stage.TOP / "pipelines" / "active-active.json").read_text())
    with stage.Stage("single.json", change=lambda m: m["channels"][0].update({"common-timeline": False})) as air:
        assert "one node only, not active-active" in air.headend("check", str(air.description))
        for change in ({"common-timeline": False}, {"source": "file:clip.ts"}):
            model = {**two, "channels": [{**two["channels"][0], **change}]}
            path = air.dir / "two.json"
            path.write_text(json.dumps(model))
            done = subprocess.run([stage.HEADEND, "check", str(path)], capture_output=True, text=True)
            assert done.returncode == 1 and "cannot be active-active" in done.stderr, done


stage.main()
