#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a terminal does to a job: ^C reaches the program once, ^Z stops the job
as a whole and the shell sees it.

    terminal.py interrupt|stop COMMAND...

Runs "COMMAND ways count" as the foreground job of a new terminal."""
import os
import pty
import signal
import sys


def wait_for(fd, text, seen=""):
    while text not in seen:
        try:
            seen += os.read(fd, 1000).decode()
        except OSError:  # the terminal is closed
            sys.exit("no %r: %r" % (text, seen))
    return seen


what, command = sys.argv[1], sys.argv[2:]
signal.alarm(60)
pid, fd = pty.fork()
if pid == 0:
    # A session leader cannot be stopped by the terminal; its job can.
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvp(command[0], command)
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            break
        print("stopped", flush=True)
        os.kill(-job, signal.SIGCONT)
    print("status", os.waitstatus_to_exitcode(status), flush=True)
    # What a terminal still holds can be lost when the last one closes it.
    signal.pause()

wait_for(fd, "ready")
if what == "interrupt":
    os.write(fd, b"\x03")
    wait_for(fd, "interrupt\r\n")
else:
    os.write(fd, b"\x1a")
    wait_for(fd, "stopped")
    os.write(fd, b"\x03")
    wait_for(fd, "interrupt\r\n")
# The job's process group, which is the terminal's.
os.kill(os.tcgetpgrp(fd), signal.SIGTERM)
seen = wait_for(fd, "status 0")
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
sys.exit(0 if "1 interrupts" in seen else "not once: " + repr(seen))
