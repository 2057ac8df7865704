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
refused "one.bin: No such file or directory"
printf '\001\012\024\000\000\300\077\002\013\025\000\000\300\277' >one.bin
head -c 20 two.bin.gz >cut && mv cut two.bin.gz
refused "two.bin.gz: "
echo "records: fine"
