#!/bin/sh
# Convolution, pooling, windows and einsum from end to end: convolution.sh HNC. Results are those of the definitions, written out in
# Python; gradients are those of differences; wrong sizes are refused with a sentence.
set -eu
hnc=$1
. "$(dirname "$0")/kit.sh"

cat >c.hn <<'HN'
data d = rows(40) { x: f32[2, 7, 6] = normal([2, 7, 6]); s: f32[3, 9] = normal([3, 9]); y: f32 = normal()
  split train 24, valid 16 }
hyper lam { drop: range(0, 1) = 0.2 }
net plain(x: f32[2, 7, 6]) -> f32[4, 4, 3] { return conv2d(x, 4, kernel: 3, stride: 2, padding: 1) }
net wide(x: f32[2, 7, 6])  -> f32[3, 7, 6] { return conv2d(x, 3, kernel: 3, padding: 2, dilation: 2) }
net line(s: f32[3, 9])     -> f32[2, 5]    { return conv1d(s, 2, kernel: 3, stride: 2, padding: 1) }
net apart(x: f32[2, 7, 6]) -> f32[4, 7, 6] { return conv2d(tanh(conv2d(x, 4, padding: 1, groups: 2, bias: false)), 4, padding: 1, groups: 4) }
net by_two(s: f32[3, 9])   -> f32[6, 5]    { return conv1d(s, 6, kernel: 3, stride: 2, padding: 1, groups: 3) }
net tuned(x: f32[2, 7, 6]) -> f32[2, 5, 4] { return conv2d(x, 2, kernel: 3) }
net all(x: f32[2, 7, 6], s: f32[3, 9]) -> f32 {
  a = avg_pool(max_pool(tanh(plain(x)), kernel: 2, stride: 1), kernel: 2, stride: 2)
  return sum(a) + sum(dropout(global_avg_pool(tanh(wide(x))), lam.drop)) + sum(square(line(s))) + sum(tanh(tuned(x))) + sum(apart(x)) + sum(square(by_two(s)))
}
weights tuned = stn(lam)
objective fit(e) = mean(square(all(e.x, e.s) - e.y))
train go = bilevel(lam) {
  lower fit(d.train) by adam(1e-2)
  upper fit(d.valid) by adam(1e-2)
  sample normal(scale: 0.5)
  batch 8
  epochs 1
}
export plainly(x) = plain(x)
export widely(x)  = wide(x)
export inline(s)  = line(s)
export most(x)    = max_pool(x, kernel: 3, stride: 2)
export mean_of(x) = avg_pool(pad(x, [1, 0]), kernel: 2, stride: 1)
export product(s) = einsum("ij,kj->ki", s, s)
export turned(x)  = einsum("chw->wc", x)
export lone(s)    = windows(s, 4, 2, 2)
HN
"$hnc" check --gradients c.hn >said 2>&1 || fail "gradients: $(cat said)"
# Windows of an image that is read as it is are no copy: only the images of a batch are, in one piece.
"$hnc" explain --plan c.hn >plan || fail "the plan"
! grep -q 'writes %[0-9]* window' plan || fail "windows are copied: $(grep -B2 'writes %[0-9]* window' plan)"
"$hnc" build c.hn -o c >said 2>&1 || fail "the model: $(cat said)"
./c train --quiet --out run >said 2>&1 || fail "training: $(cat said)"

cat >inputs.py <<'PY'
import random
random.seed(1)
x = [[[random.uniform(-1, 1) for _ in range(6)] for _ in range(7)] for _ in range(2)]
s = [[random.uniform(-1, 1) for _ in range(9)] for _ in range(3)]
PY
python3 - <<'PY'
from inputs import *
from kit import *
write_row("x.npy", (2, 7, 6), [v for c in x for r in c for v in r])
write_row("s.npy", (3, 9), [v for r in s for v in r])
PY
for export in plainly widely most mean_of turned; do
    ./c predict --weights run/last.safetensors --export $export x.npy | sed 1d | cut -d, -f2- >$export.txt
done
for export in inline product lone; do
    ./c predict --weights run/last.safetensors --export $export s.npy | sed 1d | cut -d, -f2- >$export.txt
done
python3 - <<'PY' || fail "a result is not what its definition says"
from inputs import *
from kit import *
w = {name: numbers for name, (shape, numbers) in read_weights("run/last.safetensors").items()}

def at(image, i, k):
    return image[i][k] if 0 <= i < len(image) and 0 <= k < len(image[0]) else 0.0

def conv(x, w, b, m, kernel, stride, padding, dilation):
    c, h, v = len(x), len(x[0]), len(x[0][0])
    span = (kernel - 1) * dilation + 1
    rows, columns = (h + 2 * padding - span) // stride + 1, (v + 2 * padding - span) // stride + 1
    return [b[o] + sum(w[((o * c + a) * kernel + i) * kernel + k] * at(x[a], p * stride + i * dilation - padding, q * stride + k * dilation - padding)
                       for a in range(c) for i in range(kernel) for k in range(kernel))
            for o in range(m) for p in range(rows) for q in range(columns)]

check_result("plainly", conv(x, w["plain.conv2d1.w"], w["plain.conv2d1.b"], 4, 3, 2, 1, 1))
check_result("widely", conv(x, w["wide.conv2d1.w"], w["wide.conv2d1.b"], 3, 3, 1, 2, 2))
lw, lb = w["line.conv1d1.w"], w["line.conv1d1.b"]
check_result("inline", [lb[o] + sum(lw[(o * 3 + a) * 3 + i] * (s[a][2 * p + i - 1] if 0 <= 2 * p + i - 1 < 9 else 0) for a in range(3) for i in range(3))
                 for o in range(2) for p in range(5)])
check_result("most", [max(x[c][2 * p + i][2 * q + k] for i in range(3) for k in range(3)) for c in range(2) for p in range(3) for q in range(2)])
check_result("mean_of", [sum(at(x[c], p + i - 1, q + k) for i in range(2) for k in range(2)) / 4 for c in range(2) for p in range(8) for q in range(5)])
check_result("product", [sum(a * b for a, b in zip(s[i], s[k])) for k in range(3) for i in range(3)])
check_result("turned", [sum(x[c][h][v] for h in range(7)) for v in range(6) for c in range(2)])
check_result("lone", [s[c][2 * p + 2 * k] for c in range(3) for p in range(2) for k in range(4)])
PY

# ---- objects ----

if command -v cc >/dev/null; then
    "$hnc" aot c.hn --weights run/last.safetensors -o c
    [ -z "$(nm -u c.o)" ] || fail "the object needs $(nm -u c.o)"
fi

# ---- mistakes ----

refused() {
    words=$1
    shift
    sed "s/^export lone(s).*/export lone(s) = $*/" c.hn >wrong.hn
    "$hnc" check wrong.hn >said 2>&1 && fail "'$*' is not refused"
    grep -qF -- "$words" said || fail "'$*' does not say '$words', but: $(cat said)"
}
refused "a window of 10 elements does not fit into an axis of 9" 'windows(s, 10)'
refused "a window of 5 elements, so far apart, does not fit into an axis of 9" 'windows(s, 5, 1, 3)'
refused "windows along 3 axes of f32[3, 9]: there are 2" 'windows(s, [1, 1, 1])'
refused "a step along 2 axes is 2 numbers, or one for all, not 3" 'windows(s, [2, 2], [1, 1, 1])'
refused "zeros around 3 axes of f32[3, 9]: there are 2" 'pad(s, [1, 1, 1])'
refused "'einsum' takes a text first" 'einsum(s, s)'
refused "expected the axes of both tensors and of the result" 'einsum("ij->ij", s, s)'
refused "the axis 'j' has 9 entries in f32[3, 9] and 3 in" 'einsum("ij,jk->ik", s, s)'
refused "the result has the axis 'z', which no tensor has" 'einsum("ij->z", s)'
refused "the axis 'i' comes twice in one tensor" 'einsum("ii->i", s)'
refused "f32[3, 9] has 2 axes, not the 3 that are named" 'einsum("ijk->i", s)'
echo "convolution: fine"
