"""Writes composition.bin: canonical decompositions and combining classes, from Python's unicodedata (14.0 when it was made).

u32 pairs, u32 runs; pairs of (u32 composed | 1 << 31 where composing makes it again, u32 first, u32 second or 0);
runs of (u32 first, u16 count, u16 combining class). Little-endian. usage: make-composition.py FILE
"""
import struct
import sys
import unicodedata

pairs, runs = [], []
for c in range(0x110000):
    parts = unicodedata.decomposition(chr(c)).split()
    if parts and not parts[0].startswith("<"):
        composes = len(parts) == 2 and unicodedata.normalize("NFC", chr(c)) == chr(c)
        first, second = int(parts[0], 16), int(parts[1], 16) if len(parts) == 2 else 0
        pairs.append(struct.pack("<III", c | (composes << 31), first, second))
    combining = unicodedata.combining(chr(c))
    if combining and runs and runs[-1][0] + runs[-1][1] == c and runs[-1][2] == combining:
        runs[-1][1] += 1
    elif combining:
        runs.append([c, 1, combining])
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<II", len(pairs), len(runs)) + b"".join(pairs) + b"".join(struct.pack("<IHH", *run) for run in runs))
