"""What the Python parts of the tests in this folder share: files of arrays and weights, commands, results. Needs no package."""
import json
import struct
import subprocess
import sys


def run(*command):
    """What the command prints; ends the test with its errors if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"FAILED: {' '.join(command)}\n{done.stderr}")
    return done.stdout


def write_row(name, shape, values):
    """A .npy file of one row of that shape, in f32."""
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, %s), }" % ", ".join(map(str, shape))
    header += " " * ((-len(header) - 11) % 64) + "\n"
    with open(name, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack("<%df" % len(values), *values))


def read_weights(path):
    """Name -> (shape, numbers) of the real tensors of a .safetensors file."""
    raw = open(path, "rb").read()
    size = struct.unpack("<Q", raw[:8])[0]
    header, found = json.loads(raw[8:8 + size]), {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] in ("F32", "F64"):
            begin, end = entry["data_offsets"]
            width, code = (4, "f") if entry["dtype"] == "F32" else (8, "d")
            found[name] = entry["shape"], struct.unpack("<%d%s" % ((end - begin) // width, code), raw[8 + size + begin:8 + size + end])
    return found


def check_result(name, expected):
    """The numbers in NAME.txt are the expected ones to 1e-5 of the largest."""
    got = [float(value) for value in open(name + ".txt").read().strip().split(",")]
    scale = max(map(abs, expected))
    if len(got) != len(expected) or max(abs(a - b) for a, b in zip(got, expected)) > 1e-5 * scale:
        sys.exit("%s: %s, not %s" % (name, got[:4], expected[:4]))
