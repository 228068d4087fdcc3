"""Drives a headless Chromium from the standard library alone, for the tests of pages."""

import json
import os
import subprocess
import time

CHROMIUM = "/usr/bin/chromium"


class Browser:
    """A headless Chromium, driven over its DevTools pipe: JSON messages that end in a zero byte."""

    def __init__(self, profile, size):
        to_browser, self.requests = os.pipe()
        self.replies, from_browser = os.pipe()
        flags = f"--headless --no-sandbox --disable-gpu --window-size={size} --user-data-dir={profile}"
        pipes = f"--remote-debugging-pipe 3<&{to_browser} 4>&{from_browser} 2>/dev/null"
        command = f"exec {CHROMIUM} {flags} about:blank {pipes}"
        self.process = subprocess.Popen(["bash", "-c", command], pass_fds=(to_browser, from_browser))
        os.close(to_browser), os.close(from_browser)
        self.count, self.session, self.received = 0, None, b""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def send(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.requests, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.received:
                part = os.read(self.replies, 65536)
                assert part, f"{CHROMIUM} has ended"
                self.received += part
            message, self.received = self.received.split(b"\0", 1)
            reply = json.loads(message)
            if reply.get("id") == self.count:
                assert "error" not in reply, reply
                return reply["result"]

    def evaluate(self, expression):
        return self.send("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def wait_for(self, expression):
        end = time.monotonic() + 120
        while not self.evaluate(expression):
            assert time.monotonic() < end, expression
            time.sleep(0.05)

    def choose(self, path):
        document = self.send("DOM.getDocument")["root"]["nodeId"]
        field = self.send("DOM.querySelector", nodeId=document, selector="#file")["nodeId"]
        self.send("DOM.setFileInputFiles", nodeId=field, files=[str(path)])

    def close(self):
        self.process.terminate()
        self.process.wait(60)
        os.close(self.requests), os.close(self.replies)
