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
