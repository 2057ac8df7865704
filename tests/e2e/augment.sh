#!/bin/sh
# Selection and augmentation from end to end: augment.sh HNC. Gradients of positions, order and images are those of differences, also for
# the strengths, compiled code gives what the interpreter gives; where PyTorch is installed, images agree with its own (augment.py).
set -eu
hnc=$1
. "$(dirname "$0")/kit.sh"

cat >select.hn <<'HN'
data d = rows(40) { x: f32[3, 4, 5] = normal([3, 4, 5]); k: i32 = i32(3 * uniform()) }
net f(x: f32[3, 4, 5], k: i32) -> f32[n] {
  weight w: f32[3, 4, 5] ~ uniform(1), v: f32[5] ~ uniform(1)
  y = x * w
  largest, places = top_k(y, 2, axis: 2)
  of_weights = slice(w[:, k, :], k, 2, axis: 1) + y[:, k, k][:, none] + v[argsort(x[0, 1])][none, 0:2]
  spots = y[0:2, i32(4 * uniform([2, 3])), 1:3, none] + w[1:3, i32(4 * uniform([3])), 1:3, none][:, none]
  corners = y[k, i32(4 * uniform([6])), i32(5 * uniform([2, 1]))]
  return concat(flatten(of_weights), flatten(spots), flatten(corners), flatten(sort(y, axis: 1)) * f32(iota(60)),
                flatten(largest * f32(1 + places)), sort(v) * v[ranks(x[2, 3])])
}
objective o(s) = mean(sum(square(f(s.x, s.k)), axis: 0))
train t = fit { minimise o(d.train) by sgd(0.01)
  batch 10
  epochs 1 }
HN
cat >strength.hn <<'HN'
data d = rows(40) { image: f32[3, 5, 7] = uniform([3, 5, 7]); label: i32 = i32(4 * uniform()) }
net f(image: f32[3, 5, 7]) -> f32[4] {
  weight s: f32[10] ~ uniform(0.2)
  s = 0.3 + s
  x = affine(jitter(image, s[0], s[1], s[2], s[3]), 20 * s[4], s[5], s[6], 20 * s[7])
  x = cutout(flip(crop(x, 2), 0.5), 2, 2)
  return linear(flatten(scale_noise(gaussian_noise(x, s[8]), s[9])), 4)
}
objective o(s) = mean(square(f(s.image)[s.label] - 1))
train t = fit { minimise o(d.train) by sgd(0.01)
  batch 10
  epochs 1 }
HN
sed -n '/^data/p' strength.hn >tuned.hn
cat >>tuned.hn <<'HN'
hyper lam { holes: integer(0, 4) = 1; length: integer(0, 4) = 3; shift: integer(0, 2) = 1; flip: rate = 0.5
  bright: rate = 0.3; contrasts: rate = 0.3; saturate: rate = 0.3; turn: range(0, 0.5) = 0.2
  degrees: range(0, 45) = 5; translate: range(0, 0.5) = 0.05; scale: range(0, 0.5) = 0.05; shear: range(0, 45) = 5
  noise: positive = 0.1; input: range(0, 0.3) = 0.05 }
net f(image: f32[3, 5, 7]) -> f32[4] {
  x = affine(jitter(image, lam.bright, lam.contrasts, lam.saturate, lam.turn), lam.degrees, lam.translate, lam.scale, lam.shear)
  x = cutout(flip(crop(x, lam.shift), lam.flip), lam.holes, lam.length)
  return linear(flatten(scale_noise(gaussian_noise(x, lam.noise), lam.input)), 4)
}
weights f = stn(lam)
objective o(s) = mean(square(f(s.image)[s.label] - 1))
train t = bilevel(lam) { lower o(d.train) by sgd(0.01)
  upper o(d.train) by adam(0.1)
  sample normal(scale: 0.5)
  batch 10
  epochs 2 }
HN
for model in select strength tuned; do
    "$hnc" check --gradients "$model.hn" >said 2>&1 || fail "$model: $(cat said)"
    grep -q 'along the gradient' said || fail "$model: nothing was compared"
done

# All hyperparameters are tuned by the response of the weights, also those that no gradient reaches otherwise.
sed 's/by adam(0.1)/by sgd(1e-30)/' tuned.hn >still.hn
for model in tuned still; do
    "$hnc" build "$model.hn" -o "$model" >said 2>&1 || fail "$(cat said)"
    "./$model" train --out "$model-out" --quiet >said 2>&1 || fail "$(cat said)"
done
python3 - <<'PY'
from kit import read_weights
tuned, still = (read_weights(f"{model}-out/last.safetensors")["lam/value"][1] for model in ("tuned", "still"))
if len(tuned) != 14 or any(abs(a - b) < 1e-3 for a, b in zip(tuned, still)):
    raise SystemExit(f"FAILED: hyperparameters {tuned}, first {still}")
PY

if python3 -c 'import torch, numpy' 2>/dev/null; then
    mkdir torch
    (cd torch && python3 "$here/augment.py" "$hnc" 1 >../said 2>&1) || fail "beside PyTorch: $(cat said)"
else
    echo "skipped: images beside PyTorch's (need torch)"
fi
echo "augment: fine"
