#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A page of kmm view or kmm lab in a browser without a screen.

	browser.py CHROMIUM FILE.html[#FRAGMENT]|URL STEP...

Steps, of which the last words print something, one line each:

	eval:EXPRESSION		its value
	click:X,Y		with the mouse, in pixels of the window
	drag:X,Y,X,Y		press, move, release
	key:KEY			such as ArrowRight
	press:SELECTOR		a click on the middle of an element
	type:TEXT		into what has the focus
	until:EXPRESSION	wait until it is true
	size:WIDTH,HEIGHT	of the window, which begins with 1280x800
	shot:FILE.png		a picture of the window
	pdf:FILE.pdf		as it would be printed

Whatever the page complains of is printed as "page: ..." and fails, as does any
request that it makes to the network, or to another server than its own. The browser is spoken to through a pipe,
by its DevTools protocol.
"""
import base64
import json
import os
import subprocess
import sys
import tempfile


class Browser:
    def __init__(self, program, profile):
        to_read, self.to = os.pipe()
        self.replies, from_write = os.pipe()
        # The browser expects to read from 3 and write to 4.
        self.child = subprocess.Popen(
            ["sh", "-c", f'exec "$0" "$@" 3<&{to_read} 4>&{from_write}',
             program, "--headless=new", "--no-sandbox", "--disable-gpu",
             "--hide-scrollbars", "--window-size=1280,800",
             "--disable-dev-shm-usage", "--remote-debugging-pipe",
             f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(to_read, from_write), stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(from_write)
        self.buffer = b""
        self.number = 0
        self.session = None
        self.own = "file:"
        self.events = []
        self.complaints = []

    def read(self):
        while b"\0" not in self.buffer:
            data = os.read(self.replies, 1 << 16)
            if not data:
                sys.exit("the browser has ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(message)
        if message.get("method") == "Runtime.exceptionThrown":
            details = message["params"]["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get(
                "description", details["text"]))
        elif message.get("method") == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if not url.startswith(("file:", "data:", self.own)):
                self.complaints.append("request for " + url)
        self.events.append(message.get("method"))
        return message

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            reply = self.read()
            if reply.get("id") != self.number:
                continue
            if "error" in reply:
                sys.exit(f"{method}: {reply['error']}")
            return reply["result"]

    def open(self, url):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in "Page", "Runtime", "Network":
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=1280, height=800,
                  deviceScaleFactor=1, mobile=False)
        if url.startswith("http:"):
            self.own = "/".join(url.split("/")[:3]) + "/"
        self.events = []
        self.call("Page.navigate", url=url)
        while "Page.loadEventFired" not in self.events:
            self.read()

    def mouse(self, kind, x, y, buttons):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y,
                  button="left" if buttons or kind == "mouseReleased"
                  else "none", buttons=buttons, clickCount=1)

    def click(self, x, y):
        self.mouse("mouseMoved", x, y, 0)
        self.mouse("mousePressed", x, y, 1)
        self.mouse("mouseReleased", x, y, 0)

    def drag(self, x, y, x2, y2):
        self.mouse("mouseMoved", x, y, 0)
        self.mouse("mousePressed", x, y, 1)
        for i in range(1, 6):
            self.mouse("mouseMoved", x + (x2 - x) * i / 5,
                       y + (y2 - y) * i / 5, 1)
        self.mouse("mouseReleased", x2, y2, 0)

    def press(self, selector):
        box = self.evaluate(f"""(() => {{
            const box = document.querySelector({json.dumps(selector)})
                .getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2]; }})()""")
        self.click(*box)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def until(self, expression):
        self.evaluate(f"""new Promise((done) => {{
            const look = () => ({expression}) ? done() : setTimeout(look, 5);
            look(); }})""")

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=int(width),
                  height=int(height), deviceScaleFactor=1, mobile=False)

    def key(self, name):
        # What a form waits for is the character.
        more = {"text": "\r"} if name == "Enter" else {}
        for kind in "keyDown", "keyUp":
            self.call("Input.dispatchKeyEvent", type=kind, key=name, **more)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression,
                           returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            self.complaints.append(
                result["exceptionDetails"]["exception"]["description"])
        return result["result"].get("value")

    def pdf(self, path):
        data = self.call("Page.printToPDF", preferCSSPageSize=True)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def shot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def close(self):
        self.session = None
        self.call("Browser.close")
        self.child.wait()


def main():
    program, page, steps = sys.argv[1], sys.argv[2], sys.argv[3:]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        browser.open(page if page.startswith("http:") else
                     "file://" + os.path.abspath(page))
        for step in steps:
            what, _, rest = step.partition(":")
            if what == "eval":
                print(browser.evaluate(rest))
            elif what in ("click", "drag", "size"):
                getattr(browser, what)(*map(float, rest.split(",")))
            else:
                getattr(browser, what)(rest)
        browser.close()
    for complaint in browser.complaints:
        print("page: " + complaint)
    return bool(browser.complaints)


if __name__ == "__main__":
    sys.exit(main())
