#!/bin/sh
# What Pillow writes as PNG and JPEG is read as Pillow reads it: pillow_files.sh HNC. Sizes that no block divides, all modes that 8 bits
# hold, all ways in which JPEG files store colours.
set -eu
hnc=$1
. "$(dirname "$0")/kit.sh"

if ! python3 -c 'import numpy, PIL' 2>/dev/null; then
    echo "skipped: Pillow's files (need NumPy and Pillow)"
    exit 77
fi

cat >write.py <<'PY'
import numpy as np
from PIL import Image
generator = np.random.default_rng(1)
y, x = np.mgrid[0:19, 0:37]
smooth = np.stack([7 * y + 3 * x, 255 - 6 * x, 128 + 60 * np.sin(x / 5 + y / 3)], axis=2)
colours = np.clip(smooth + generator.normal(size=smooth.shape) * 12, 0, 255).astype(np.uint8)
image = Image.fromarray(colours)
wanted = []

def save(name, image, **how):
    image.save(name, **how)
    pixels = np.array(Image.open(name).convert("RGB")).transpose(2, 0, 1)
    wanted.append((name, pixels.astype(np.float32).ravel()))

for mode in ["RGB", "L", "1", "P"]:
    save(f"{mode}.png", image.convert(mode))
save("RGBA.png", image.convert("RGBA"))
save("LA.png", image.convert("LA"))
for colours in [2, 3, 10, 100]:
    save(f"palette-{colours}.png", image.quantize(colours))
for quality in [10, 75, 100]:
    for progressive in [False, True]:
        for sampling in ["4:4:4", "4:2:2", "4:2:0"]:
            save(f"{quality}-{progressive}-{sampling[2:].replace(':', '')}.jpg", image, quality=quality, progressive=progressive, subsampling=sampling)
        save(f"grey-{quality}-{progressive}.jpg", image.convert("L"), quality=quality, progressive=progressive)
save("optimized.jpg", image, optimize=True, comment=b"a comment", dpi=(300, 300))
np.savez("wanted.npz", names=[name for name, _ in wanted], pixels=[pixels for _, pixels in wanted])
open("names", "w").write("\n".join(name for name, _ in wanted) + "\n")
PY
python3 write.py

cat >m.hn <<'HN'
data d = images(".") { fields image: u8[3, 19, 37] }
net f(image: u8[3, 19, 37]) -> f32[3, 19, 37] { weight w: f32 = 1; return w * image }
objective all(e) = mean(sum(f(e.image)))
train t = fit { minimise all(d.train) by sgd(1e-30); batch 1; epochs 1 }
export same(image) = f(image)
HN
"$hnc" build m.hn -o m >said 2>&1 || fail "the model: $(cat said)"
./m train --quiet --out run >said 2>&1 || fail "training: $(cat said)"
xargs ./m predict --weights run/last.safetensors <names >said 2>errors || fail "$(cat errors)"
python3 - <<'PY'
import csv, sys, numpy as np
wanted = np.load("wanted.npz")
read = np.array([row[1:] for row in csv.reader(open("said"))][1:], np.float32)
if len(read) != len(wanted["names"]) or len(read) != 35:
    sys.exit(f"FAILED: read {len(read)} of {len(wanted['names'])} images")
wrong = [f"{name} (by up to {abs(r - w).max():.0f})" for name, r, w in zip(wanted["names"], read, wanted["pixels"]) if (r != w).any()]
if wrong:
    sys.exit("FAILED: other pixels than Pillow's: " + ", ".join(wrong))
print(f"Pillow's files: fine, {len(read)} of them")
PY

# Images of any size, brought to that of the field: Pillow scales some of them down before it scales them across, and then rounds otherwise.
mkdir sizes
cat >sizes.py <<'PY'
import numpy as np
from PIL import Image, ImageOps
generator = np.random.default_rng(2)
size, wanted = (13, 9), {"crop": [], "stretch": []}
for i in range(60):
    width, height = [(13, 9), (26, 18), (1, 1), (9, 13)][i] if i < 4 else generator.integers(1, 90, 2).tolist()
    pixels = generator.integers(0, 256, (height, width, 3)).astype(np.uint8)
    if i % 3 == 0:
        pixels[:] = generator.integers(0, 2, (height, width, 1)) * 255
    image = Image.fromarray(pixels)
    image.save(f"sizes/{i:02}.png")
    wanted["crop"].append(np.array(ImageOps.fit(image, size, Image.Resampling.BILINEAR)).transpose(2, 0, 1).ravel())
    wanted["stretch"].append(np.array(image.resize(size, Image.Resampling.BILINEAR)).transpose(2, 0, 1).ravel())
np.savez("sizes.npz", **wanted)
PY
python3 sizes.py
for how in crop stretch; do
    sed -e "s/images(\".\")/images(\"sizes\", resize: $how)/; s/3, 19, 37/3, 9, 13/g" m.hn >$how.hn
    "$hnc" build $how.hn -o $how >said 2>&1 || fail "the model: $(cat said)"
    ./$how train --quiet --out run-$how >said 2>&1 || fail "training: $(cat said)"
    ls sizes/*.png | xargs ./$how predict --weights run-$how/last.safetensors >said 2>errors || fail "$(cat errors)"
    python3 - $how <<'PY'
import csv, sys, numpy as np
wanted = np.load("sizes.npz")[sys.argv[1]].astype(np.float32)
read = np.array([row[1:] for row in csv.reader(open("said"))][1:], np.float32)
apart = np.abs(read - wanted)
if read.shape != (60, 351) or apart.max() > 1 or (apart.max(axis=1) == 0).sum() < 30:
    sys.exit(f"FAILED: resized by {sys.argv[1]}: by up to {apart.max()} from Pillow's, equal in {(apart.max(axis=1) == 0).sum()} images")
print(f"resized by {sys.argv[1]}: {(apart.max(axis=1) == 0).sum()} of {len(read)} images as Pillow's, the others by 1")
PY
done
