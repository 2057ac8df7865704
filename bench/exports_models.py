"""The models of exports.py: their data as the programs take it, and the metrics of their results in NumPy."""
import csv
import gzip
import json
import os
import struct

import numpy as np

# ---- data ----

def read_idx(folder, name):
    path = os.path.join(folder, name)
    with (open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz")) as file:
        raw = file.read()
    shape = struct.unpack_from(f">{raw[3]}i", raw, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def test_images(folder):
    return read_idx(folder, "t10k-images-idx3-ubyte"), read_idx(folder, "t10k-labels-idx1-ubyte").astype(int)


def read_table(folder, files):
    """Rows as {column: cell}."""
    rows = []
    for name in files:
        with open(os.path.join(folder, name), newline="") as file:
            cells = [[cell.strip() for cell in row] for row in csv.reader(file, skipinitialspace=True) if any(row)]
        rows += [dict(zip(cells[0], row)) for row in cells[1:]]
    return rows


def philox(blocks, second, third, purpose, key):
    """Philox 4x32-10 of the counters (block, second, third, purpose)."""
    mask = np.uint64(0xffffffff)
    c = [np.asarray(blocks, np.uint64), *(np.full(len(blocks), word, np.uint64) for word in (second, third, purpose))]
    key = list(key)
    for _ in range(10):
        low, high = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [high >> np.uint64(32) ^ c[1] ^ np.uint64(key[0]), high & mask, low >> np.uint64(32) ^ c[3] ^ np.uint64(key[1]), low & mask]
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    return [[int(word) for word in words] for words in zip(*c)]


def permutation(count, second, third, purpose):
    """The order of a shuffled split (purpose 2) or of permuted elements (purpose 4) under seed 0."""
    blocks = philox(np.arange(count // 2 + 1), second, third, purpose, (0, 0))
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        low, high = blocks[i >> 1][2 * (i & 1):2 * (i & 1) + 2]
        j = (high << 32 | low) * (i + 1) >> 64
        order[i], order[j] = order[j], order[i]
    return np.array(order)


def read_tensor(path, name):
    """A tensor of f32 of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        start = file.tell() + header[name]["data_offsets"][0]
        return np.fromfile(path, "<f4", int(np.prod(header[name]["shape"])), offset=start).reshape(header[name]["shape"])


# ---- metrics, in double precision ----

def cross_entropy(probabilities, labels):
    with np.errstate(divide="ignore"):
        return -np.log(np.take_along_axis(probabilities.astype(float), labels[:, None], 1)).mean()


def binary_cross_entropy(p, labels):
    p = p.astype(float)
    return -np.log(np.where(labels, p, 1 - p)).mean()


def wrong(results, labels):
    """Of how many the largest element is another one."""
    return int((results.argmax(1) != labels).sum())


def calibration_error(probabilities, labels):
    sure = probabilities.max(1)
    gap = (probabilities.argmax(1) == labels) - sure.astype(float)
    bins = np.minimum(np.floor(np.float32(15) * sure), 14)
    return sum(abs(np.where(bins == i, gap, 0).mean()) for i in range(15))


# ---- models: what is computed, and what is made of it ----
# A case yields two things: the work, a list of (export, conditions, rows), and a function from its results to (metric of eval, number, in
# how many examples it counts or None).

def classifier_case(data, text="fit", error="err", mean=None):
    """One net, all images; `mean` makes the loss from outputs that are no probabilities."""
    def case(model):
        images, labels = test_images(model.data)
        def judge(results):
            yield f"{text}({data}.test)", (mean or cross_entropy)(results[0], labels), None
            yield f"{error}({data}.test)", wrong(results[0], labels), len(labels)
        return [("predict", {}, {"image": images})], judge
    return case


def squared_case(scale):
    return classifier_case("mnist", mean=lambda results, labels: scale * np.square(results.astype(float) - np.eye(10)[labels]).mean())


def ensemble_case(model):
    images, labels = test_images(model.data)
    work = [("predict", {}, {"image": images})] + [("opinion", {"k": k}, {"image": images}) for k in range(8)]
    def judge(results):
        vote, members = results[0], results[1:]
        yield "vote_loss(fashion.test)", cross_entropy(vote, labels), None
        yield "vote_error(fashion.test)", wrong(vote, labels), len(labels)
        yield "vote_calibration(fashion.test)", calibration_error(vote, labels), None
        yield "disagreement(fashion.test)", sum(wrong(m, vote.argmax(1)) for m in members), 8 * len(labels)
        yield "loss(fashion.test)", [cross_entropy(m, labels) for m in members], None
        yield "error(fashion.test)", [wrong(m, labels) for m in members], len(labels)
        yield "calibration(fashion.test)", [calibration_error(m, labels) for m in members], None
    return work, judge


def permuted_case(tasks, pad, loss):
    """Images with the pixels of each task in its order; the family is the model's second data set."""
    def case(model):
        images, labels = test_images(model.data)
        images = np.pad(images, ((0, 0), (pad, pad), (pad, pad))).reshape(len(images), -1)
        chosen = model.which or range(tasks)
        orders = [permutation(images.shape[1], t, 1, 4) if t else np.arange(images.shape[1]) for t in chosen]
        def judge(results):
            yield f"{loss}(permuted[t].test)", [cross_entropy(p, labels) for p in results], None
            yield "error(permuted[t].test)", [wrong(p, labels) for p in results], len(labels)
        return [("predict", {"t": t}, {"image": images[:, order]}) for t, order in zip(chosen, orders)], judge
    return case


def split_case(model):
    images, labels = test_images(model.data)
    pairs = [labels // 2 == t for t in range(5)]
    work = [("predict", {"t": t}, {"image": images[pair]}) for t, pair in enumerate(pairs)]
    work += [("infer", {}, {"image": images}), ("digit", {}, None)]
    def judge(results):
        infer, digit = results[5][:, 0], results[6][:, 0]
        sizes, own = [int(pair.sum()) for pair in pairs], [labels[pair] % 2 for pair in pairs]
        yield "fit(pairs[t].test)", [cross_entropy(p, label) for p, label in zip(results, own)], None
        yield "error(pairs[t].test)", [wrong(p, label) for p, label in zip(results, own)], sizes
        yield "unknown(pairs[t].test)", [int((digit != labels)[pair].sum()) for pair in pairs], sizes
        by_two = [int(((infer[pair] != t) | (p.argmax(1) != label)).sum()) for t, (pair, p, label) in enumerate(zip(pairs, results, own))]
        yield "unknown(pairs[t].test)", by_two, sizes  # the same by `infer` and `predict`
    return work, judge


def polynomials_case(model):
    x = [np.float32(start) + np.arange(50, dtype=np.float32) * np.float32(2) / np.float32(49) for start in (-4, -1, 2)]
    y = [x[0].astype(float) + 3, 2 * x[1].astype(float)**2 - 1, (x[2].astype(float) - 3)**3]
    def judge(results):
        yield "fit(curves[t].test)", [np.square(r[:, 0].astype(float) - target).mean() for r, target in zip(results, y)], None
    return [("predict", {"t": t}, {"x": x[t]}) for t in range(3)], judge


def implicit_case(model):
    """The 25 images that were learned: the codes are those of the weights' file, the places those of the model's grid."""
    images = read_idx(model.data, "train-images-idx3-ubyte")[:25].reshape(25, -1) / 255
    axis = np.arange(28, dtype=np.float32) * np.float32(2 / 27) - np.float32(1)
    places = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    codes = read_tensor(model.weights, "codes.table")
    def judge(results):
        yield "error(digits.train)", np.square(np.stack(results)[:, :, 0].astype(float) - images).mean(), None
    return [("render", {"z": code}, None if i else {"place": places}) for i, code in enumerate(codes)], judge


def test_rows(model, files):
    """The test part of a shuffled table."""
    rows = read_table(model.data, files)
    order = permutation(len(rows), 0, 0, 2)
    return [rows[i] for i in order[round(.7 * len(rows)) + round(.1 * len(rows)):]]


def adult_label(row):
    return row["Y"].startswith(">50K")


def front_case(files, group, label):
    """Every ray. The gaps are between means of tanh(logit / 2) = 2 p - 1."""
    def case(model):
        rows = test_rows(model, files)
        groups, labels = (np.array([test(row) for row in rows]) for test in (group, label))
        def judge(results):
            scores = [r[:, 0] for r in results]
            s = 2 * np.array(scores, float) - 1
            means = [s[:, among].mean(1) for among in (~labels & groups, ~labels & ~groups, labels & groups, labels & ~groups)]
            yield "loss", [binary_cross_entropy(p, labels) for p in scores], None
            yield from ((name, mean, None) for name, mean in zip(MEANS, means))
            yield "fp", abs(means[0] - means[1]), "gap"
            yield "fn", abs(means[2] - means[3]), "gap"
        return [("score", {"r": ray}, None if i else rows) for i, ray in enumerate(model.rays)], judge
    return case


def cosmos_case(model):
    rows = test_rows(model, ADULT)
    groups, labels = np.array([row["sex"] == "Female" for row in rows]), np.array([adult_label(row) for row in rows])
    def judge(results):
        scores = [r[:, 0] for r in results]
        yield "loss", [binary_cross_entropy(p, labels) for p in scores], None
        yield "gap", [abs(np.where(labels, np.where(groups, 1, -1) * np.tanh(p.astype(float)), 0).mean()) for p in scores], None
    return [("score", {"r": ray}, None if i else rows) for i, ray in enumerate(model.rays)], judge


def personal_case(model):
    rows = test_rows(model, ADULT)
    labels = np.array([adult_label(row) for row in rows])
    def judge(results):
        yield "fit(adult.test)", binary_cross_entropy(results[0][:, 0], labels), None
        yield "err(adult.test)", int(((results[0][:, 0] > .5) != labels).sum()), len(labels)
    return [("score", {}, rows)], judge


ADULT = ("adult.data", "adult.test")
MEANS = [f"{label}_{group}" for label in ("negatives", "positives") for group in ("in", "out")]  # whose differences fp and fn are
FRONT_EDITS = [
    (r"(?=^train )", "".join(f"objective {name}(d) = mean(s where {'!' * (name < 'p')}d.label && {'!' * name.endswith('out')}d.group)   "
                             "with s = tanh(scorer(d.x) / 2)\n" for name in MEANS)),
    (r"(report +hypervolume\(ref: 1\), uniformity)", r"\1, " + ", ".join(MEANS))]
FIVE_RAYS = [0, 6, 12, 18, 24]
MODELS = {  # its data, the steps of its training, the case. Also: the model, if it has another name; `edits`, what a copy of the model has
    # more; `batch`, images per call; `part`, what is computed of the whole on emulated machines: some rays or tasks, every n-th image
    "fairness_adult": {"data": "tables", "case": front_case(ADULT, lambda row: row["sex"] == "Female", adult_label),
                       "edits": FRONT_EDITS, "part": {"which": FIVE_RAYS}},
    "fairness_bank": {"data": "tables", "case": front_case(("bank.csv",), lambda row: float(row["age"]) > 60, lambda row: row["y"] == "yes"),
                      "edits": FRONT_EDITS, "part": {"which": FIVE_RAYS}},
    "fairness_default": {"data": "tables", "case": front_case(("default.csv",), lambda row: row["SEX"] == "2",
                                                              lambda row: row["default.payment.next.month"] == "1"),
                         "edits": FRONT_EDITS, "part": {"which": FIVE_RAYS}},
    "cosmos": {"data": "tables", "case": cosmos_case, "part": {"which": FIVE_RAYS}},
    "personal": {"data": "tables", "case": personal_case},
    "polynomials": {"case": polynomials_case},
    "implicit_images": {"data": "mnist", "case": implicit_case, "edits": [(r"(epochs +10000 .*)", r"\1\n  report error(digits.train)")]},
    "hypertrain_global": {"data": "mnist", "case": squared_case(50)},
    "hypertrain_local": {"data": "mnist", "case": squared_case(50)},
    "hypertrain_perclass": {"data": "mnist", "case": squared_case(1)},
    "hypertrain_perweight": {"data": "mnist", "case": squared_case(1)},
    "mlp": {"data": "fashion", "case": classifier_case("fashion")},
    "mlp_batch": {"data": "fashion", "case": classifier_case("fashion"), "model": "mlp", "batch": 100, "part": {"every": 5}},
    "stn_mlp": {"data": "fashion", "case": classifier_case("fashion")},
    "ensemble": {"data": "fashion", "case": ensemble_case, "part": {"every": 50},
                 "edits": [(r"\Z", "export opinion(image, k) = softmax(classifier(image))\n")]},
    "hypermask": {"data": "fashion", "steps": 50, "case": permuted_case(5, 0, "loss"), "part": {"which": [4]},
                  "edits": [(r"(report error\(.*\))", r"\1, loss(permuted[t].test)")]},
    "split_mnist": {"data": "mnist", "steps": 50, "case": split_case, "part": {"every": 100},
                    "edits": [(r"(report +error\(pairs\[t\]\.test\))", r"\1, fit(pairs[t].test)")]},
    "permuted_mnist": {"data": "mnist", "steps": 10, "case": permuted_case(10, 2, "fit"), "part": {"every": 500},
                       "edits": [(r"(report +error\(permuted\[t\]\.test\))", r"\1, fit(permuted[t].test)")]}}
