#!/bin/sh
# Files of records, as of CIFAR: records.sh HNC. What is read is what the files hold, in order; damaged files are refused with their
# name and place.
set -eu
hnc=$1
. "$(dirname "$0")/kit.sh"

# Records of a label, two pixels and a number: the little-endian f32 1.5 is 00 00 c0 3f.
printf '\001\012\024\000\000\300\077\002\013\025\000\000\300\277' >one.bin
printf '\000\014\026\000\000\000\000' | gzip >two.bin.gz
printf '\002\377\000\000\000\200\077' >test.bin
cat >m.hn <<'HN'
data d = records("one.bin", "two.bin") {
  fields label: class[3], image: u8[2], number: f32
  test records("test.bin")
  split train 2, valid 1
}
net f(x: f32) -> f32 { weight w: f32 = 1; return w * x }
objective all(e) = mean(f(1000 * e.image[0] + 1000000 * e.image[1]) + 10 * e.label + e.number)
train t = fit { minimise all(d.train) by sgd(1e-30); batch 2; epochs 1
  report all(d.valid), all(d.test) }
export out(number) = f(number)
HN
"$hnc" build m.hn -o m >said 2>&1 || fail "the model: $(cat said)"
./m train --out run >said 2>&1 || fail "training: $(cat said)"
./m eval --weights run/last.safetensors --json >said 2>&1 || fail "eval: $(cat said)"
python3 - <<'PY' || fail "what was read: $(cat said)"
import json, re, sys
text = open("said").read()
numbers = {float(n) for n in re.findall(r"-?\d+\.?\d*(?:[eE][-+]?\d+)?", text)}
valid, test = 12e3 + 22e6, 255e3 + 20 + 1.0
sys.exit(not any(abs(n - valid) < 2 for n in numbers) or not any(abs(n - test) < 0.1 for n in numbers))
PY

# TEXT: what the refusal says.
refused() {
    rm -rf again
    ./m train --quiet --out again >said 2>&1 && fail "$1 is not refused"
    grep -qF -- "$1" said || fail "no '$1' in: $(cat said)"
}
printf '\001\012\024\000\000\300\077\002\013' >one.bin
refused "one.bin: ends within a record: behind 1 records of 7 bytes are 2 more"
printf '\001\012\024\000\000\300\077\003\013\025\000\000\300\277' >one.bin
refused "one.bin"
printf '\001\012\024\000\000\300\177\002\013\025\000\000\300\277' >one.bin
refused "one.bin"
: >one.bin
refused "one.bin: holds no records"
rm one.bin
refused "./one.bin: No such file or directory; the data set d is read from it (or from the same name with .gz). Say with --data"
printf '\001\012\024\000\000\300\077\003\013\025\000\000\300\277' | gzip >one.bin.gz
refused "./one.bin.gz: the label of example 1 is 3, but d.label has only the classes 0 to 2"
rm one.bin.gz
printf '\001\012\024\000\000\300\077\002\013\025\000\000\300\277' >one.bin
head -c 20 two.bin.gz >cut && mv cut two.bin.gz
refused "two.bin.gz: "
printf '\003\014\026\000\000\000\000' | gzip >two.bin.gz
refused "./two.bin.gz: the label of example 0 is 3"

# CIFAR-100: a coarse and a fine label, and three planes of 32 x 32. A name that ends in .gz is also found without.
python3 - <<'PY'
def record(k):
    return bytes([k % 20, 99 - k]) + bytes((k + plane * 7 + i) % 256 for plane in range(3) for i in range(1024))
open("train.bin", "wb").write(b"".join(record(k) for k in range(30)))
open("test.bin", "wb").write(record(77))
open("expected", "w").write("%d %d" % (77 % 20 * 100 + 22, sum(record(77)[2 + 1024:2 + 2048])))
PY
cat >cifar.hn <<'HN'
data cifar100 = records("train.bin.gz") {
  fields coarse: class[20], fine: class[100], image: u8[3, 32, 32]
  test   records("test.bin")
  split  train 20, valid 10  shuffled
}
net f(x: f32) -> f32 { weight w: f32 = 1; return w * x }
objective labels(d) = mean(f(100 * f32(d.coarse) + d.fine))
objective green(d)  = mean(sum(f32(d.image[1])))
train t = fit { minimise labels(cifar100.train) by sgd(1e-30); batch 5; epochs 1
  report labels(cifar100.test), green(cifar100.test) }
HN
"$hnc" build cifar.hn -o cifar >said 2>&1 || fail "CIFAR-100: $(cat said)"
./cifar train --quiet --out cifar-run >said 2>&1 || fail "CIFAR-100: $(cat said)"
./cifar eval --weights cifar-run/last.safetensors --json >said 2>&1 || fail "CIFAR-100: $(cat said)"
for number in $(cat expected); do
    grep -q "[ :]$number\(\.0*\)\{0,1\}\b" said || fail "no $number in: $(cat said)"
done
./cifar info >said 2>&1 || fail "info: $(cat said)"
grep -qx "  cifar100.fine: i32, 100 classes: 0, 1, 2, .*" said && grep -qx "  file train.bin.gz" said && grep -qx "  test file test.bin" said ||
    fail "info: $(cat said)"
head -c 90000 train.bin >cut && mv cut train.bin
./cifar train --quiet --out again >said 2>&1 && fail "a truncated CIFAR-100 file is not refused"
grep -q "train.bin: ends within a record: behind 29 records of 3074 bytes are 854 more" said || fail "truncated: $(cat said)"

# Classes that are counted in the files.
sed -e 's/class\[20\]/class[_]/; s/class\[100\]/class[_]/; s/train.bin.gz/test.bin/' -e '/split/d' cifar.hn >counted.hn
"$hnc" explain counted.hn --data . >said 2>&1 || fail "counted classes: $(cat said)"
grep -q "cifar100.coarse *class\[18\]" said && grep -q "cifar100.fine *class\[23\]" said || fail "counted classes: $(cat said)"
echo "records: fine"
