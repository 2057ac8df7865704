#!/bin/sh
# Texts from end to end: text.sh HNC. Windows, streams and vocabularies are those that Python cuts; what is carried goes on from
# window to window and begins anew with an epoch; a run that stops within a stream goes on to equal bits; bad texts are refused with their
# place; where PyTorch is installed, an LSTM over streams trains as its own does (text.py).
set -eu
hnc=$1
. "$(dirname "$0")/kit.sh"

python3 - <<'PY'
import random
random.seed(1)
for name, lines in ("train", 57), ("valid", 21), ("test", 14):
    with open(name + ".txt", "w") as file:
        for _ in range(lines):
            file.write(" ".join(f"w{random.randrange(7)}" for _ in range(random.randrange(9))) + "\n")
PY

# ---- what windows hold ----

cat >windows.hn <<'HN'
data d = text("train.txt", unit: word, length: 7, streams: 5) {
  valid text("valid.txt", streams: 3)
  test text("test.txt", streams: 1)
}
data apart = text("train.txt", "valid.txt", unit: character, length: 4) { split train 0.5, valid 0.5 }
net counter(tokens: class[v][t]) -> f32 {
  carried n: f32
  weight w: f32 = 1
  update n = n + 1
  return n + w * w - w * w * 0.999999
}
layer digest(tokens: class[v][t], next: class[v][t]) -> f32 { return sum(each(i in 0..t) { (i + 1) * f32(tokens[i]) + 100 * f32(next[i]) }) }
objective seen(e) = mean(counter(e.tokens))
objective sums(e) = mean(digest(e.tokens, e.next))
train main = fit {
  minimise seen(d.train) by sgd(0.1)
  validate seen(d.valid)
  report seen(d.test), seen(d.train), sums(d.train), sums(d.valid), sums(d.test), sums(apart.train), sums(apart.valid)
  batch 5
  epochs 3
}
export count(tokens: class[8][7]) = counter(tokens)
HN
"$hnc" build windows.hn --data . -o windows >said 2>&1 || fail "windows: $(cat said)"
./windows train --quiet --out windows-run >said 2>&1 || fail "training: $(cat said)"
./windows eval --weights windows-run/last.safetensors >said 2>&1 || fail "evaluating: $(cat said)"
python3 - <<'PY' || fail "windows differ: $(cat said)"
import sys
said = dict(line.split() for line in open("said"))
words = lambda name: open(name + ".txt").read().replace("\n", " <eos> ").split()


def number(tokens, vocabulary):
    return [vocabulary.setdefault(token, len(vocabulary)) for token in tokens]


def windows(tokens, length, streams):
    part = len(tokens) // streams
    return [[tokens[s * part + t * length:][:length + 1] for s in range(streams)] for t in range((part - 1) // length)]


def check(name, expected):
    if abs(float(said[name]) - expected) > 1e-4 * abs(expected):
        sys.exit(f"{name} is {said[name]}, not {expected}")


digest = lambda w: sum((i + 1) * w[i] + 100 * w[i + 1] for i in range(len(w) - 1))
mean = lambda numbers: sum(numbers) / len(numbers)
vocabulary = {}
for name, streams in ("train", 5), ("valid", 3), ("test", 1):
    steps = windows(number(words(name), vocabulary), 7, streams)
    check(f"seen(d.{name})", mean(range(len(steps))))
    check(f"sums(d.{name})", mean([digest(w) for step in steps for w in step]))
tokens = number(open("train.txt").read() + open("valid.txt").read(), {})
rows = [digest(step[0]) for step in windows(tokens, 4, 1)]
half = round(len(rows) / 2)
check("sums(apart.train)", mean(rows[:half]))
check("sums(apart.valid)", mean(rows[half:]))
PY
# an epoch is 7 steps: 0, 1, ... 6 windows before
[ "$(grep -c '"loss.minimise": 3.00000' windows-run/metrics.jsonl)" = 3 ] || fail "an epoch does not begin anew: $(cat windows-run/metrics.jsonl)"
"$hnc" check --gradients --data . windows.hn >said 2>&1 || fail "gradients: $(cat said)"
./windows info >said 2>&1 || fail "info: $(cat said)"
grep -q "d.tokens: i32\[7\], 8 classes: .*<eos>" said || fail "info does not name the words: $(cat said)"
LC_ALL=C "$hnc" explain --data . windows.hn >said 2>&1 || fail "explain: $(cat said)"
grep -q "d.next *class\[8\]\[7\]" said || fail "explain: $(cat said)"

# ---- a net that tunes itself over streams ----

cat >lm.hn <<'HN'
data d = text("train.txt", unit: word, length: 7, streams: 5) { valid text("valid.txt") }
hyper lam { alpha: positive = 0.05; drop: range(0, 1) = 0.1 }
net lm(tokens: class[v][t]) -> f32[t, v], f32[t, 6] {
  carried h: f32[6], c: f32[6]
  xs = locked_dropout(each(word in tokens) { embedding(word, 4) }, lam.drop)
  hs, h1, c1 = lstm(xs, 6, h, c)
  update h = h1, c = c1
  return each(x in hs) { linear(x, v) }, hs
}
layer nll(logits: f32[t, v], next: class[v][t]) -> f32 { return mean(each(z in logits, label in next) { cross_entropy(z, label) }) }
layer loss(tokens: class[v][t], next: class[v][t]) -> f32 {
  logits, hs = lm(tokens)
  return nll(logits, next)
}
layer regular(tokens: class[v][t], next: class[v][t]) -> f32 {
  logits, hs = lm(tokens)
  return nll(logits, next) + lam.alpha * mean(square(hs))
}
objective fit(e) = mean(loss(e.tokens, e.next))
objective reg(e) = mean(regular(e.tokens, e.next))
train plain = fit {
  minimise fit(d.train) by sgd(1, clip: 0.25)
  validate fit(d.valid)
  batch 5
  steps 17
  evaluate steps(4)
}
train tuned = bilevel(lam) {
  weights lm = stn(lam)
  lower reg(d.train) by sgd(0.5, clip: 0.25)
  upper fit(d.valid) by adam(1e-2)
  sample normal(scale: 0.5)
  every 2 lower, 1 upper
  batch 5
  steps 17
  evaluate steps(4)
}
HN
for train in plain tuned; do
    "$hnc" check --gradients --train=$train --data . lm.hn >said 2>&1 || fail "gradients of $train: $(cat said)"
    "$hnc" build --train=$train --data . lm.hn -o $train >said 2>&1 || fail "$train: $(cat said)"
    ./$train train --quiet --out $train-run >said 2>&1 || fail "training $train: $(cat said)"
    ./$train train --quiet --out $train-parts --steps 8 >said 2>&1 || fail "eight steps of $train: $(cat said)"
    ./$train train --quiet --out $train-parts --steps 17 --resume >said 2>&1 || fail "nine more of $train: $(cat said)"
    cmp $train-run/last.safetensors $train-parts/last.safetensors || fail "a run of $train that went on within a stream has other weights"
    ./$train train --quiet --out $train-two --threads 2 >said 2>&1 || fail "two threads of $train: $(cat said)"
done

# ---- predict: windows of a text, one behind the other ----

cat >>lm.hn <<'HN'
layer likely(tokens: class[v][t]) {
  logits, hs = lm(tokens)
  return argmax(logits, axis: -1)
}
export guess(tokens) = likely(tokens)
HN
"$hnc" build --train=plain --data . lm.hn -o plain >said 2>&1 || fail "an export of texts: $(cat said)"
./plain predict --weights plain-run/best.safetensors test.txt >said 2>&1 || fail "predict: $(cat said)"
[ "$(wc -l <said)" = $(( ($(tr '\n' ' ' <test.txt | wc -w) + $(wc -l <test.txt) - 1) / 7 + 1 )) ] || fail "not one line per window: $(cat said)"
./plain predict --weights plain-run/best.safetensors >said 2>&1 && fail "predict without a text"
grep -qF "predict expects a text, which it reads in windows of 7 tokens" said || fail "$(cat said)"

# ---- bad models ----

# TEXT: what is said of the model in bad.hn.
wrong() {
    "$hnc" check --data . bad.hn >said 2>&1 && fail "a model is not refused: $1"
    grep -qF -- "$1" said || fail "no '$1' in: $(cat said)"
}
cat >head.hn <<'HN'
data d = text("train.txt", unit: word, length: 7, streams: 5) { valid text("valid.txt", streams: 3) }
data apart = text("train.txt", unit: word, length: 7)
net count(tokens: class[v][t]) -> f32 {
  carried n: f32
  weight w: f32 = 1
  update n = n + w
  return n * w
}
objective counted(e) = mean(count(e.tokens))
HN
refuse() { # the rest of a model, what is said
    { cat head.hn; echo "$1"; } >bad.hn
    wrong "$2"
}
refuse 'train t = fit { minimise counted(d.train) by sgd(1); batch 4; epochs 1 }' "a step takes one window of each stream of 'd.train', so its batch is 5, not 4"
refuse 'train t = fit { minimise counted(apart.train) by sgd(1); batch 4; epochs 1 }' "'count.n' is carried from window to window, but 'apart.train' has no streams of windows"
refuse 'train t = fit { minimise counted(d.train) by sgd(1); batch 5; epochs 1; report counted(apart.train) }' "but 'apart.train' has no streams"
refuse 'preference r[2]
net trunk(r: f32[2]) -> f32[4] { return linear(r, 4) }
weights count = dense(trunk(r))
objective other(e) = mean(square(count(e.tokens) - 1))
train t = pareto(r) { minimise counted(d.train), other(d.train) by sgd(1); sample dirichlet(0.2); solver linear; batch 5; epochs 1; report hypervolume(ref: 1) on d.valid }' \
    "'count.n' is carried from window to window, which pareto cannot do yet"
refuse 'net blocks(tokens: class[v][t]) -> f32 { return mean(each(w in tokens) { inner(embedding(w, 1)[0]) }) }
layer inner(x: f32) -> f32 {
  carried s: f32
  update s = s + x
  return s
}
objective inside(e) = mean(blocks(e.tokens))
train t = fit { minimise inside(d.train) by sgd(1); batch 5; epochs 1 }' "'blocks.inner1.s' is carried from window to window, but here each entry of a block would have one"
refuse 'net typed(x: class[v][t]) -> f32 {
  carried k: i32
  return 0
}
objective wrong(e) = mean(typed(e.tokens))
train t = fit { minimise wrong(d.train) by sgd(1); batch 5; epochs 1 }' "what is carried from window to window is real"
refuse 'net sized(x: class[v][t]) -> f32 {
  carried m: f32[2]
  update m = [1, 2, 3]
  return m[0]
}
objective wrong(e) = mean(sized(e.tokens))
train t = fit { minimise wrong(d.train) by sgd(1); batch 5; epochs 1 }' "'sized.m' is f32[2], but this is f32[3]"
refuse 'layer free(x) -> f32 {
  carried a: f32
  return a + x
}
objective outside(e) = mean(free(f32(e.tokens[0])))
train t = fit { minimise outside(d.train) by sgd(1); batch 5; epochs 1 }' "only what a layer or a net computes is carried from window to window"
sed 's/streams: 5/streams: 50/' head.hn >short.hn && mv short.hn head.hn
refuse 'train t = fit { minimise counted(d.train) by sgd(1); batch 50; epochs 1 }' "tokens are too few for 50 streams of 7 and the token behind each"

# ---- bad texts ----

# TEXT FILE: what the refusal of such a file says, of the built program.
refused() {
    cp train.txt kept
    mv "$2" train.txt
    ./plain train --quiet --out again >said 2>&1 && fail "$1 is not refused"
    grep -qF -- "$1" said || fail "no '$1' in: $(cat said)"
    mv kept train.txt
}
printf 'w1 w2 w3\nw1 w9\n' >bad
refused "./train.txt:2: 'w9' is not in the vocabulary of d, which has the words of its main files" bad
printf 'w1 w2\n\377\376w1' >bad
refused "./train.txt:2: the text is not UTF-8" bad
printf 'w1 \303' >bad
refused "./train.txt:1: the text is not UTF-8" bad
printf 'w1 \355\240\200' >bad
refused "./train.txt:1: the text is not UTF-8" bad
printf 'w1\n\nw2 \000' >bad
refused "./train.txt:3: a zero byte: this is no text" bad
head -c 5000 /dev/zero | tr '\0' x >bad
refused "./train.txt:1: a word of more than 4096 bytes" bad
printf 'w1 w2 w3\n' >bad
refused "train.txt: 4 tokens are too few for 5 streams of 7" bad
: >bad
refused "train.txt: 0 tokens are too few" bad
gzip <train.txt | head -c 40 >bad
refused "./train.txt: truncated" bad
gzip <train.txt >zipped && cp zipped valid.txt.gz && mv valid.txt away
./plain train --quiet --out again >said 2>&1 || fail "a zipped text is not read: $(cat said)"
rm -r again valid.txt.gz && mv away valid.txt
printf 'w1 w9\n' >>valid.txt
"$hnc" build --data . --train=plain lm.hn -o plain >said 2>&1 && fail "a word outside the vocabulary is not refused"
grep -qF "valid.txt:22: 'w9' is not in the vocabulary of d" said || fail "$(cat said)"
sed -i 's/length: 7/length: 7, unknown: "<unk>"/' lm.hn
"$hnc" build --data . --train=plain lm.hn -o plain >said 2>&1 || fail "unknown: $(cat said)"
./plain train --out again >said 2>&1 || fail "unknown: $(cat said)"
grep -qF "d: 1 token is not in the vocabulary: '<unk>' stands for it" said || fail "what is unknown is not said: $(cat said)"

if python3 -c 'import numpy, torch' 2>/dev/null; then
    python3 "$here/text.py" "$hnc" || fail "an LSTM over streams is not PyTorch's"
else
    echo "PyTorch is missing: an LSTM over streams is not compared with its own"
fi
echo "text: fine"
