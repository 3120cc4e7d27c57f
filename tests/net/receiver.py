"""A receiver behind a pseudo terminal, whose time is the system clock's."""

import contextlib
import datetime
import os
import threading
import time
import tty


def sentence(body):
    total = 0
    for c in body.encode():
        total ^= c
    return f"${body}*{total:02X}\r\n".encode()


class Receiver:
    """Speaks once a second, a tenth after it. The time is right from the start, the fix comes when it is told so."""

    def __init__(self):
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.path, self.fix = os.ttyname(self.slave), False
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.speak)

    def sentences(self, now):
        if self.fix:
            yield f"GPRMC,{now:%H%M%S}.00,A,5128.6000,N,00000.0000,W,0.0,0.0,{now:%d%m%y},,,A"
            yield f"GPGGA,{now:%H%M%S}.00,5128.6000,N,00000.0000,W,1,08,1.0,40.0,M,0.0,M,,"
        else:
            yield f"GPRMC,{now:%H%M%S}.00,V,,,,,,,{now:%d%m%y},,,N"
            yield f"GPGGA,{now:%H%M%S}.00,,,,,0,00,99.99,,,,,,"

    def speak(self):
        while not self.done.wait((1.1 - time.time()) % 1):
            now = datetime.datetime.now(datetime.timezone.utc)
            with contextlib.suppress(BlockingIOError):
                os.write(self.master, b"".join(map(sentence, self.sentences(now))))
            self.done.wait(0.2)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        os.close(self.slave)
        os.close(self.master)


def write(root, path, text):
    full = root + path
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w") as f:
        f.write(text)


def plug_in(root, name, tty):
    """A USB receiver as /sys shows it, with the pseudo terminal at its place in /dev."""
    device = f"/sys/devices/usb1/1-{name}"
    for file, text in (("idVendor", "1546"), ("idProduct", "01a8"), ("product", "u-blox GNSS receiver")):
        write(root, f"{device}/{file}", text + "\n")
    for folder in (f"{device}/tty", f"/sys/class/tty/{name}", "/dev"):
        os.makedirs(root + folder, exist_ok=True)
    os.symlink(f"{root}{device}/tty", f"{root}/sys/class/tty/{name}/device")
    os.symlink(tty, f"{root}/dev/{name}")
