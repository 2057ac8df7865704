#!/bin/sh
# What NumPy saves, alone and in archives, is read as NumPy has it: numpy_files.sh HNC. Every type of elements, order of bytes, order
# of axes and kind of archive.
set -eu
hnc=$1
. "$(dirname "$0")/kit.sh"

if ! python3 -c 'import numpy' 2>/dev/null; then
    echo "skipped: NumPy's files (need NumPy)"
    exit 77
fi

cat >write.py <<'PY'
import numpy as np
generator = np.random.default_rng(1)
arrays = {}
for name in ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]:
    for order in "<>":
        type = np.dtype(order + name)
        x = generator.normal(size=(7, 2, 3)) * 50
        x = x > 0 if name == "?" else abs(x) if name[0] == "u" else x
        for axes in "CF":
            arrays[f"x-{type.str[1:]}-{'big' if order == '>' else 'little'}-{axes}"] = np.array(x, type, order=axes)
np.savez("stored.npz", **arrays)
np.savez_compressed("deflated.npz", **arrays)
for name, x in arrays.items():
    np.save(name + ".npy", x)
open("names", "w").write("\n".join(arrays) + "\n")
PY
python3 write.py

cat >m.hn <<'HN'
data d = npy("stored.npz/x-f4-little-C") { fields x: f32[2, 3] }
net f(x: f32[2, 3]) -> f32[2, 3] { weight w: f32 = 1; return w * x }
objective all(e) = mean(sum(f(e.x)))
train t = fit { minimise all(d.train) by sgd(1e-30); batch 1; epochs 1 }
export same(x) = f(x)
HN
"$hnc" build m.hn -o m >said 2>&1 || fail "the model: $(cat said)"
./m train --quiet --out run >said 2>&1 || fail "training: $(cat said)"

mkdir read
count=0
while read -r name; do
    for file in "$name.npy" "stored.npz/$name" "deflated.npz/$name"; do
        count=$((count + 1))
        ./m predict --weights run/last.safetensors "$file" >"read/$count" 2>errors || fail "$file: $(cat errors)"
        echo "$count $name" >>order
    done
done <names
python3 - <<'PY'
import csv, sys, numpy as np
arrays, count = np.load("stored.npz"), 0
for line in open("order"):
    number, name = line.split()
    wanted = arrays[name].astype(np.float32).reshape(7, 6)
    read = np.array([row[1:] for row in csv.reader(open("read/" + number))][1:], np.float32)
    if read.shape != wanted.shape or (read != wanted).any():
        sys.exit(f"FAILED: {name}: read {read}, wanted {wanted}")
    count += 1
if count != 144:
    sys.exit(f"FAILED: compared {count} files")
print(f"NumPy's files: fine, {count} of them")
PY
