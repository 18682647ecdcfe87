"""A miIO device made of python-miio's own packets.

Its first line of output is the UDP port on loopback that it answers at. It ends
when its standard input does.
"""
import datetime
import socket
import struct
import sys
import threading

from miio.protocol import Message

TOKEN = bytes.fromhex(sys.argv[1])
DEVICE = bytes.fromhex("07fc0d9e")
START = datetime.datetime.utcnow()
STATUS = [{"msg_ver": 2, "state": 8, "battery": 100, "error_code": 0}]


def stamp():
    """Seconds since the start, from 1000, as the datetime that Message wants."""
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=1000) + (datetime.datetime.utcnow() - START)


def hello_reply():
    seconds = int((stamp() - datetime.datetime(1970, 1, 1)).total_seconds())
    return struct.pack(">HHI4sI", 0x2131, 32, 0, DEVICE, seconds) + b"\xff" * 16


def answer(request):
    if request["method"] == "get_status":
        return {"id": request["id"], "result": STATUS}
    if request["method"] == "echo":
        return {"id": request["id"], "result": request["params"]}
    return {"id": request["id"], "error": {"code": -10000, "message": "unknown method"}}


def serve(sock):
    while True:
        datagram, sender = sock.recvfrom(4096)
        if len(datagram) == 32:
            sock.sendto(hello_reply(), sender)
            continue
        # Parsing verifies the checksum, and raises where it is wrong.
        request = Message.parse(datagram, token=TOKEN)
        header = {"length": 0, "unknown": 0, "device_id": DEVICE, "ts": stamp()}
        reply = {"data": {"value": answer(request.data.value)}, "header": {"value": header}, "checksum": 0}
        sock.sendto(Message.build(reply, token=TOKEN), sender)


if __name__ == "__main__":
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(sock,), daemon=True).start()
    print(sock.getsockname()[1], flush=True)
    sys.stdin.read()
