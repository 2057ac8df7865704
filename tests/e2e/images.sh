#!/bin/sh
# Folders of images from end to end: images.sh HNC. A classifier learns from folders of classes, calls the classes as the folders are
# called, and reads images whose class nobody knows; splits follow from the seed; wrong folders and files are refused with their names.
set -eu
hnc=$1
. "$(dirname "$0")/kit.sh"

# PNG files of 6 x 5 pixels, whose class is which colour is strong.
cat >draw.py <<'PY'
import os, struct, sys, zlib

def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

def png(path, pixels, height=5, width=6):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    rows = b"".join(b"\0" + bytes(value for pixel in pixels[y * width : (y + 1) * width] for value in pixel) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))

def flower(channel, seed):
    def value(i, c):
        noise = (seed * 7919 + i * 104729 + c * 1299709) * 2654435761 % 2**32 >> 25
        return 120 + noise if c == channel else noise
    return [tuple(value(i, c) for c in range(3)) for i in range(30)]

NAMES = ["zinnia", "Aster", "rose, red"] # in another order than that of their bytes
if __name__ == "__main__":
    for channel, name in enumerate(NAMES):
        for k in range(20):
            png(f"flowers/{name}/{k}.png", flower(channel, 3 * k + channel))
        png(f"unseen/{name}/a.png", flower(channel, 100 + channel))
        png(f"mail/{channel}.png", flower(channel, 200 + channel))
PY
python3 draw.py
cat >m.hn <<'HN'
data flowers = images("flowers") {
  fields image: u8[3, 5, 6], label: class[_]
  test   images("unseen")
  split  train 0.8, valid 0.2  shuffled
}
net kind_of(image: u8[3, 5, 6]) -> f32[3] {
  return linear(flatten(relu(conv2d(image / 255, 4, kernel: 3))), 3)
}
objective fit(d)    = mean(cross_entropy(kind_of(d.image), d.label))
objective errors(d) = mean(argmax(kind_of(d.image)) != d.label)
train t = fit { minimise fit(flowers.train) by adam(1e-2); batch 12; epochs 15
  validate fit(flowers.valid)
  report errors(flowers.valid), errors(flowers.test) }
export kind(image)   = argmax(kind_of(image))
export scores(image) = softmax(kind_of(image))
HN
"$hnc" explain m.hn >said 2>&1 || fail "explain: $(cat said)"
grep -qx "  folder flowers" said && grep -qx "  folder unseen (test)" said || fail "explain: $(cat said)"
grep -q "flowers.label *class\[3\]" said || fail "explain: $(cat said)"
"$hnc" build m.hn -o m >said 2>&1 || fail "the model: $(cat said)"
./m info >said || fail "info"
grep -qx "  flowers.label: i32, 3 classes: Aster, rose, red, zinnia" said || fail "info: $(cat said)"
./m train --quiet --out run --seed 3 >said 2>&1 || fail "training: $(cat said)"
./m eval --weights run/best.safetensors --json >said 2>&1 || fail "eval: $(cat said)"
python3 -c '
import re
text = open("said").read()
errors = [float(x) for x in re.findall(r"\"errors\([a-z.]*\)\": *([0-9.e-]+)", text)]
assert len(errors) == 2 and max(errors) == 0, text' || fail "it does not learn: $(cat said)"

# Images without a class, one by one and in folders: in the order of their names.
./m predict --weights run/best.safetensors --export kind mail "unseen/rose, red/a.png" >said 2>&1 || fail "predict: $(cat said)"
printf 'row,kind\n1,zinnia\n2,Aster\n3,"rose, red"\n4,"rose, red"\n' >wanted
cmp -s said wanted || fail "predict: $(cat said)"
./m predict --weights run/best.safetensors --export scores mail/0.png >said 2>&1 || fail "predict: $(cat said)"
[ "$(head -1 said)" = 'row,scores[Aster],"scores[rose, red]",scores[zinnia]' ] || fail "predict: $(cat said)"
./m predict --weights run/best.safetensors --export kind >said 2>&1 && fail "predict without images"
grep -q "predict expects images, or folders of them" said || fail "predict without images: $(cat said)"
./m predict --weights run/best.safetensors --export kind m.hn >said 2>&1 && fail "predict of no image"
grep -q "m.hn: is neither a PNG nor a JPEG file" said || fail "predict of no image: $(cat said)"

# The same seed, the same run, wherever the folders lie; another seed, other splits.
mkdir elsewhere && cp -r flowers unseen elsewhere
./m train --quiet --out again --seed 3 --data elsewhere >said 2>&1 || fail "training again: $(cat said)"
cmp -s run/best.safetensors again/best.safetensors || fail "the same seed gives other weights"
./m train --quiet --out other --seed 4 >said 2>&1 || fail "training with another seed: $(cat said)"
cmp -s run/best.safetensors other/best.safetensors && fail "another seed gives the same weights"

# Exports in C know the names of the classes.
"$hnc" aot m.hn --weights run/best.safetensors -o flowers_aot >said 2>&1 || fail "aot: $(cat said)"
strings -a flowers_aot.o 2>/dev/null | grep -qx "rose, red" || grep -aq "rose, red" flowers_aot.o || fail "aot: no names of classes"

# TEXT: what the refusal says.
refused() {
    rm -rf bad
    ./m train --quiet --out bad >said 2>&1 && fail "$1 is not refused"
    grep -qF -- "$1" said || fail "no '$1' in: $(cat said)"
}
mv flowers/zinnia flowers/tulip
refused "flowers/tulip: is no class of flowers.label, whose classes are Aster, rose, red, zinnia"
mv flowers/tulip flowers/zinnia
python3 -c '
from draw import *
png("flowers/zinnia/wide.png", flower(0, 1) * 2, 5, 12)'
refused "flowers/zinnia/wide.png: has 12 x 5 pixels (width x height), but the field flowers.image is u8[3, 5, 6], of 6 x 5: 'images(..., resize: crop)' or 'resize: stretch' brings images to one size"
head -c 90 mail/0.png >flowers/zinnia/wide.png
refused "flowers/zinnia/wide.png: is damaged, or no whole PNG file: the file ends too early"
rm flowers/zinnia/wide.png
rm -r unseen
refused "unseen: No such file or directory; the data set flowers is read from it. Say with --data DIR"
mv flowers away
"$hnc" check m.hn >said 2>&1 && fail "a model whose folder is missing is compiled"
grep -q "flowers: No such file or directory; the data set flowers is read from it" said || fail "missing folder: $(cat said)"
mv away flowers
mkdir -p unseen "flowers/$(printf 'caf\351')" && cp mail/0.png "flowers/$(printf 'caf\351')/0.png"
"$hnc" check m.hn >said 2>&1 && fail "a name that is not UTF-8 is taken"
grep -aq "the name of a class must be UTF-8 text" said || fail "a name that is not UTF-8: $(cat said)"
rm -r "flowers/$(printf 'caf\351')"

# A family of folders has the classes of all of them; each member is split for itself.
mkdir site-0 site-1 && mv flowers/* site-0 && mv site-0/zinnia site-1 && cp -r site-0/Aster site-1
cat >sites.hn <<'HN'
data sites[2] = images("site-{i}") {
  fields image: u8[3, 5, 6], label: class[_]
  split  train 0.5, valid 0.5  shuffled
}
net f(x: f32) -> f32 { weight w: f32 = 1; return w * x }
objective labels(d) = mean(f(d.label))
train t = fit { minimise labels(sites[0].train) by sgd(1e-30); batch 4; epochs 1
  report labels(sites[0].valid), labels(sites[1].valid) }
HN
"$hnc" build sites.hn -o sites >said 2>&1 || fail "a family: $(cat said)"
./sites info | grep -q "sites.label: i32, 3 classes: Aster, rose, red, zinnia" || fail "a family: $(./sites info)"
./sites train --quiet --out sites-run >said 2>&1 || fail "a family: $(cat said)"
echo "images: fine"
