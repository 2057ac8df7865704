#!/bin/sh
# Loops and the layers of sequences from end to end: sequences.sh HNC. Gradients are those of differences, also of an LSTM that
# tunes itself, of 1000 steps, of a loop in a loop and in `each`; results are those of the definitions, written out in Python; a run goes
# on to equal bits; objects have loops; where PyTorch is installed, layers agree with its own (layers.py).
set -eu
hnc=$1
. "$(dirname "$0")/kit.sh"

cat >s.hn <<'HN'
data d = rows(40) { x: f32[6, 3] = normal([6, 3]); z: f32[4, 5] = normal([4, 5]); y: f32 = normal()
  split train 24, valid 16 }
hyper lam { drop: range(0, 1) = 0.2 }
net words(x: f32[6, 3]) -> f32[4] {
  ys, h, c = lstm(x, 4)
  ys, h, c = dropconnect_lstm(ys, 4, 0.3, h, c)
  gs, g = gru(locked_dropout(ys, lam.drop), 3)
  rs, r = rnn(gs, 4)
  return r + h
}
net tables(z: f32[4, 5]) -> f32[4, 2] {
  weight u: f32[2, 2] ~ uniform(1)
  scan row in z carry h = zeros([2]) {
    scan e in row, i in 1..6 carry k = h { k = sin(u @ k + e / i) }
    h = k + 0.1 * h
    yield h
  }
  return yields
}
net mapped(z: f32[4, 5]) -> f32[4] {
  weight w: f32[3, 3] ~ uniform(1)
  return each(row in z) {
    scan e in row carry h = zeros([3]), n = 0 { h = tanh(w @ h + e); n = n + sum(h) }
    sum(h) + n
  }
}
net long(x: f32[6, 3]) -> f32 {
  weight a: f32[3] ~ uniform(1)
  scan i in 0..1000 carry s = 0 { s = 0.99 * s + 0.01 * sum(a * x[0]) }
  return s
}
net seen(x: f32[6, 3]) -> f32[6, 4] { return attention(positions(linear(x, 4)) + linear(x, 4), 2, causal: true) }
net tied(x: f32[6, 3]) -> f32 {
  h = tanh(linear(embedding(argmax(x[0]), 5) as words, 5))
  weight u: f32[5, 5] ~ uniform(1)
  scan e in x carry k = h { k = zoneout(k, tanh(u @ k + sum(e)), lam.drop) }
  return sum(dropconnect(k, 2, lam.drop)) + sum(square(tied.words.table @ h))                       # the table of the input makes the output
}
net all(x: f32[6, 3], z: f32[4, 5]) -> f32 {
  return sum(words(x)) + sum(tables(z)) + sum(mapped(z)) + long(x) + tied(x) + sum(rmsnorm(seen(x)))
}
weights words = stn(lam)
objective fit(e) = mean(square(all(e.x, e.z) - e.y))
train go = bilevel(lam) {
  lower fit(d.train) by sgd(1e-5)
  upper fit(d.valid) by sgd(1e-5)
  sample normal(scale: 0.5)
  batch 8
  epochs 3
}
export last(x)   = words(x)
export states(z) = tables(z)
export each_row(z) = mapped(z)
export slow(x)   = long(x)
export looked(x) = seen(x)
HN
"$hnc" check --gradients s.hn >said 2>&1 || fail "gradients: $(cat said)"
"$hnc" build s.hn -o s >said 2>&1 || fail "the model: $(cat said)"
./s train --quiet --out run >said 2>&1 || fail "training: $(cat said)"

# ---- equal bits ----

./s train --quiet --out parts --epochs 1 >said 2>&1 || fail "one epoch: $(cat said)"
./s train --quiet --out parts --epochs 3 --resume >said 2>&1 || fail "two more: $(cat said)"
cmp run/last.safetensors parts/last.safetensors || fail "a run that went on has other weights"
./s train --quiet --out two --threads 2 >said 2>&1 || fail "two threads: $(cat said)"

# ---- results ----

cat >inputs.py <<'PY'
import random
random.seed(1)
x = [[random.uniform(-1, 1) for _ in range(3)] for _ in range(6)]
z = [[random.uniform(-1, 1) for _ in range(5)] for _ in range(4)]
PY
python3 - <<'PY'
from inputs import *
from kit import *
write_row("x.npy", (6, 3), [v for r in x for v in r])
write_row("z.npy", (4, 5), [v for r in z for v in r])
PY
for pair in states:z each_row:z slow:x; do
    ./s predict --weights run/last.safetensors --export "${pair%:*}" "${pair#*:}.npy" | sed 1d | cut -d, -f2- >"${pair%:*}.txt"
done
python3 - <<'PY' || fail "a result is not what its definition says"
import math, sys
from inputs import *
from kit import *
w = {name: numbers for name, (shape, numbers) in read_weights("run/last.safetensors").items()}

u, h, states = w["tables.u"], [0.0, 0.0], []
for row in z:
    k = h
    for i, e in enumerate(row):
        k = [math.sin(u[2 * a] * k[0] + u[2 * a + 1] * k[1] + e / (i + 1)) for a in range(2)]
    h = [a + 0.1 * b for a, b in zip(k, h)]
    states += h
check_result("states", states)
m, sums = w["mapped.w"], []
for row in z:
    h, n = [0.0] * 3, 0.0
    for e in row:
        h = [math.tanh(sum(m[3 * a + b] * h[b] for b in range(3)) + e) for a in range(3)]
        n += sum(h)
    sums.append(sum(h) + n)
check_result("each_row", sums)
total = 0.0
for _ in range(1000):
    total = 0.99 * total + 0.01 * sum(a * b for a, b in zip(w["long.a"], x[0]))
check_result("slow", [total])
if read_weights("two/last.safetensors") != read_weights("run/last.safetensors"):
    sys.exit("two threads make other weights")
PY

# ---- memory ----

# A loop whose derivative runs segments of steps again: the same weights in less memory.
cat >remat.hn <<'HN'
const segment = 0
data d = rows(32) { xs: f32[60, 8] = normal([60, 8]); y: f32 = normal() }
net n(xs: f32[60, 8]) -> f32 {
  weight wx: f32[256, 8] ~ uniform(0.3), wh: f32[256, 64] ~ uniform(0.1), b: f32[256] = 0
  scan x in xs carry h = zeros([64]), c = zeros([64]) {
    if segment > 0 { remat segment }
    g = wx @ x + wh @ h + b
    c = sigmoid(g[64:128]) * c + sigmoid(g[0:64]) * tanh(g[128:192])
    h = dropout(sigmoid(g[192:256]) * tanh(c), 0.1)
    yield h
  }
  return mean(yields) + sum(h)
}
objective fit(d) = mean(square(n(d.xs) - d.y))
train t = fit { minimise fit(d.train) by sgd(1e-2); batch 16; epochs 3 }
HN
for segment in 0 10; do
    "$hnc" build -D segment=$segment remat.hn -o remat$segment >said 2>&1 || fail "remat $segment: $(cat said)"
    ./remat$segment train --quiet --out remat-run$segment >said 2>&1 || fail "remat $segment: $(cat said)"
    "$hnc" explain -D segment=$segment remat.hn >remat$segment.txt || fail "remat $segment: explain"
done
"$hnc" check --gradients -D segment=10 remat.hn >said 2>&1 || fail "remat: gradients: $(cat said)"
grep -q '^loop of line 5, 60 steps in t.minimise: [0-9.]* MB kept for its derivative' remat0.txt || fail "no loop: $(cat remat0.txt)"
grep -q '^loop of line 5, 6 segments in t.minimise: ' remat10.txt || fail "no segments: $(cat remat10.txt)"
python3 - <<'PY' || fail "remat"
import re
from kit import read_weights
first, second = (read_weights(f"remat-run{n}/last.safetensors") for n in (0, 10))
for name in ("n.wx", "n.wh", "n.b"):
    assert max(abs(x - y) for x, y in zip(first[name][1], second[name][1])) < 1e-5, name
scratch = [int(re.search(r"(\d+) bytes of scratch", open(f"remat{n}.txt").read())[1]) for n in (0, 10)]
assert scratch[1] < 0.6 * scratch[0], scratch
PY

# ---- objects ----

if command -v cc >/dev/null; then
    "$hnc" aot s.hn --weights run/last.safetensors -o s
    [ -z "$(nm -u s.o)" ] || fail "the object needs $(nm -u s.o)"
fi
"$hnc" aot s.hn --weights run/last.safetensors --emit=onnx -o s >said 2>&1 && fail "a loop became an ONNX graph"
grep -q "has an op that ONNX does not have: scan" said || fail "ONNX: $(cat said)"

# ---- the same by PyTorch ----

if python3 -c 'import torch, numpy' 2>/dev/null; then
    mkdir torch
    (cd torch && python3 "$here/layers.py" "$hnc" 1 >../said 2>&1) || fail "beside PyTorch: $(cat said)"
else
    echo "skipped: layers beside PyTorch's (need torch)"
fi
echo "sequences: fine"
