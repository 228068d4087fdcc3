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
        flags = f"--headless --no-sandbox --disable-gpu --window-size={size} --user-data-dir={profile} --remote-debugging-pipe"
        command = f"exec {CHROMIUM} {flags} about:blank 3<&{to_browser} 4>&{from_browser} 2>/dev/null"
        self.process = subprocess.Popen(["sh", "-c", command], pass_fds=(to_browser, from_browser))
        os.close(to_browser), os.close(from_browser)
        self.count, self.session = 0, None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def send(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        os.write(self.requests, json.dumps(message | ({"sessionId": self.session} if self.session else {})).encode() + b"\0")
        while True:
            received = b""
            while not received.endswith(b"\0"):
                received += os.read(self.replies, 1)
            reply = json.loads(received[:-1])
            if reply.get("id") == self.count:
                assert "error" not in reply, reply
                return reply["result"]

    def evaluate(self, expression):
        return self.send("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def wait_for(self, expression):
        end = time.monotonic() + 15
        while not self.evaluate(expression):
            assert time.monotonic() < end, expression
            time.sleep(0.05)

    def choose(self, path):
        document = self.send("DOM.getDocument")["root"]["nodeId"]
        field = self.send("DOM.querySelector", nodeId=document, selector="#file")["nodeId"]
        self.send("DOM.setFileInputFiles", nodeId=field, files=[str(path)])

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        os.close(self.requests), os.close(self.replies)
