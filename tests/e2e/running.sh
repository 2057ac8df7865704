#!/bin/sh
# Running statistics from end to end: running.sh HNC. A statistic follows its rule over known data; gradients through a
# batch's mean and variance are those of differences, also of a net that tunes itself; a run goes on to equal bits, exports read what
# training left; where PyTorch is installed, batchnorm does what its own does (batchnorm.py).
set -eu
hnc=$1
. "$(dirname "$0")/kit.sh"

# ---- the rule ----

printf 'x\n0\n1\n2\n3\n4\n' >d.csv
cat >rule.hn <<'HN'
data d = csv("d.csv") { fields x = numbers(x)
  split train 4, valid 1 }
layer seen(x: f32) -> f32 {
  running mu: f32 = 10, largest: f32 = 0
  if training { update mu = mu + 0.5 * (across mean(x) - mu), largest = max(largest, across max(x)) }
  return 0 * x + mu + 100 * largest
}
net f(x: f32) -> f32 {
  weight w: f32 = 0
  return w + seen(x)
}
objective fit(e) = mean(f(e.x[0]))
train go = fit {
  minimise fit(d.train) by sgd(1)
  batch 4
  epochs 3
}
export g(x) = f(x[0])
HN
"$hnc" build rule.hn -o rule >said 2>&1 || fail "the rule: $(cat said)"
./rule train --quiet --out rule-run >said 2>&1 || fail "training the rule: $(cat said)"
printf 'x\n7\n' >x.csv
# w falls by 1 a step: -3; mu: 10, 5.75, 3.625, 2.5625; the largest of 0 1 2 3
./rule predict --weights rule-run/last.safetensors x.csv >said 2>&1 || fail "predicting: $(cat said)"
grep -q '299\.5625' said || fail "not -3 + 2.5625 + 300 but $(cat said)"

# ---- one draw for all examples of a batch ----

cat >shared.hn <<'HN'
data d = rows(8) { y: f32 = normal()
  split train 8 }
layer spread(y: f32) -> f32 {
  running drawn: f32 = 0, apart: f32 = 0, alone: f32 = 0
  if training {
    x = across normal([2]) + 0 * y
    z = normal()
    m = across mean(z)
    update drawn = across mean(abs(x[0] - x[1])), apart = across mean(abs(x[0] - across mean(x[0]))), alone = across mean(abs(z - m))
  }
  return drawn + 1000 * where(apart < 1e-5, 0, 1) + 100 * where(alone > 0.1, 1, 0)
}
net f(y: f32) -> f32 {
  weight w: f32 = 0
  return 1e-6 * w * y + spread(y)
}
objective fit(e) = mean(f(e.y))
train go = fit {
  minimise fit(d.train) by sgd(1)
  batch 8
  epochs 1
  report fit(d.train)
}
HN
"$hnc" build shared.hn -o shared >said 2>&1 || fail "shared draws: $(cat said)"
./shared train --quiet --out shared-run >said 2>&1 || fail "training with shared draws: $(cat said)"
./shared eval --weights shared-run/last.safetensors >said 2>&1 || fail "evaluating: $(cat said)"
awk '{ exit !($2 > 100.01 && $2 < 200) }' said || fail "draws of a batch should agree and those of examples differ: $(cat said)"

# ---- in nets ----

cat >bn.hn <<'HN'
data d = rows(64) { x: f32[3, 4, 4] = normal([3, 4, 4]); y: f32 = normal()
  split train 48, valid 16 }
hyper lam { l2: positive = 1e-3; drop: range(0, 1) = 0.1 }
net f(x: f32[3, 4, 4]) -> f32 {
  h = dropout(relu(batchnorm(conv2d(x, 5, padding: 1))), lam.drop)
  h = batchnorm(conv2d(h, 2, padding: 1))
  return mean(h / (1 + square(h)) + h)
}
objective fit(e) = mean(square(f(e.x) - e.y))
objective reg(e) = fit(e) + lam.l2 * sumsq(f)
train plain = fit {
  minimise fit(d.train) by sgd(0.05)
  batch 16
  epochs 4
  report fit(d.train), fit(d.valid)
}
train tuned = bilevel(lam) {
  weights f = stn(lam)
  lower reg(d.train) by sgd(1e-2)
  upper fit(d.valid) by adam(1e-2)
  sample normal(scale: 0.5)
  batch 16
  epochs 4
  report fit(d.train), fit(d.valid)
}
export g(x) = f(x)
HN
sed 's|^  h = batchnorm.*|  h = resnet_block(resnet_block(h, 5), 2, stride: 2)|' bn.hn >resnet.hn
for train in plain tuned; do
    "$hnc" check --gradients --train=$train resnet.hn >said 2>&1 || fail "gradients of $train, residual: $(cat said)"
done
for train in plain tuned; do
    "$hnc" check --gradients --train=$train bn.hn >said 2>&1 || fail "gradients of $train: $(cat said)"
    "$hnc" build --train=$train bn.hn -o $train >said 2>&1 || fail "$train: $(cat said)"
    ./$train train --quiet --out $train-run >said 2>&1 || fail "training $train: $(cat said)"
    ./$train train --quiet --out $train-parts --epochs 1 >said 2>&1 || fail "one epoch of $train: $(cat said)"
    ./$train train --quiet --out $train-parts --epochs 4 --resume >said 2>&1 || fail "three more of $train: $(cat said)"
    cmp $train-run/last.safetensors $train-parts/last.safetensors || fail "a run of $train that went on has other weights"
    ./$train eval --weights $train-run/last.safetensors >said 2>&1 || fail "evaluating $train: $(cat said)"
    ./$train train --quiet --out $train-two --threads 2 >said 2>&1 || fail "two threads of $train: $(cat said)"
done
"$hnc" aot --train=plain --weights plain-run/last.safetensors bn.hn -o object >said 2>&1 || fail "an object: $(cat said)"

if python3 -c 'import numpy, onnxruntime' 2>/dev/null; then
    "$hnc" aot --train=plain --emit=onnx --weights plain-run/last.safetensors bn.hn -o graph >said 2>&1 || fail "a graph: $(cat said)"
    python3 - <<'PY' || fail "a graph differs from predict"
import subprocess
import numpy as np
import onnxruntime
x = np.random.default_rng(0).standard_normal((5, 3, 4, 4)).astype(np.float32)
np.save("rows.npy", x)
lines = subprocess.run(["./plain", "predict", "--weights", "plain-run/last.safetensors", "rows.npy"], capture_output=True, text=True,
                       check=True).stdout.splitlines()[1:]
session = onnxruntime.InferenceSession("graph.onnx")
graph = [float(session.run(None, {"x": row})[0]) for row in x]
assert len(lines) == 5 and np.allclose([float(line.split(",")[1]) for line in lines], graph, rtol=1e-5), (lines, graph)
PY
else
    echo "ONNX Runtime is missing: the graph of a net with batchnorm is not run"
fi
if python3 -c 'import numpy, torch' 2>/dev/null; then
    python3 "$here/batchnorm.py" "$hnc" || fail "batchnorm is not PyTorch's"
else
    echo "PyTorch is missing: batchnorm is not compared with its own"
fi
