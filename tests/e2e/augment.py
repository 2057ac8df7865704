"""Augmentation of the standard library: augment.py HNC [SEED]. What training sees of 64 images is the gradient of a loss that is linear in
them. What layers of given factors make agrees with torchvision's formulas and PyTorch's grid_sample to 1e-5; what random ones make is
one of the images that they may make, of which all kinds occur."""
import colorsys
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

from kit import read_weights, run

HNC = os.path.abspath(sys.argv[1])
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
N, C, H, W = 64, 3, 7, 9
models = 0  # trained so far


def fail(text):
    raise SystemExit(f"FAILED: {text}")


def seen_in_training(call):
    """What `call`, of the image x, makes of every image while the weights are trained."""
    global models
    models += 1
    name = f"a{models}"
    with open(f"{name}.hn", "w") as file:
        file.write(f"""data d = npy("x.npy") {{ fields x: f32[{C}, {H}, {W}], id: index }}
hyper lam {{ holes: integer(0, 3) = 2; length: integer(0, 6) = 3; bright: rate(0, 1) = 0.4 }}
net f(x: f32[{C}, {H}, {W}], id: i32) -> f32 {{
  weight w: f32[{N}, {C}, {H}, {W}] = 0
  return sum(w[id] * {call})
}}
objective o(s) = mean(f(s.x, s.id))
train t = fit {{ minimise o(d.train) by sgd({N})
  batch {N}
  epochs 1 }}
""")
    run(HNC, "build", f"{name}.hn", "--data", ".", "-o", name)
    run(f"./{name}", "train", "--data", ".", "--out", f"{name}-out", "--seed", str(SEED), "--quiet")
    shape, numbers = read_weights(f"{name}-out/last.safetensors")["f.w"]
    return -np.array(numbers).reshape(shape)


def agree(call, x, expected):
    error = np.abs(seen_in_training(call) - expected).max()
    if not error < 1e-5:
        fail(f"{call} differs by {error:.2g}")
    print(f"{call}: {error:.1e}")


# ---- given factors ----

def gray(x):
    return np.einsum("c,nchw->nhw", [0.2989, 0.587, 0.114], x)[:, None]


def blend(x, other, factor):
    return np.clip(factor * x + (1 - factor) * other, 0, 1)


def turned(x, turn):
    y = np.empty_like(x)
    for n, r, q in np.ndindex(N, H, W):
        h, s, v = colorsys.rgb_to_hsv(*x[n, :, r, q])
        y[n, :, r, q] = colorsys.hsv_to_rgb((h + turn) % 1, s, v)
    return y


def warped(x, angle, right, down, zoom, shear):
    a, s = np.radians(angle), np.tan(np.radians(shear))
    forward = zoom * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ [[1, -s], [0, 1]]
    back, half = np.linalg.inv(forward), np.diag([W / 2, H / 2])
    theta = np.linalg.inv(half) @ back @ np.hstack([half, -np.array([[right], [down]])])  # of coordinates from -1 to 1
    grid = F.affine_grid(torch.tensor(theta)[None].expand(N, 2, 3), [N, C, H, W], align_corners=False)
    return F.grid_sample(torch.tensor(x), grid, "bilinear", "zeros", align_corners=False).numpy()


def moved(x, down, right):
    wide = np.pad(x, ((0, 0), (0, 0), (H, H), (W, W)))
    return wide[:, :, H - down:2 * H - down, W - right:2 * W - right]


def factors(x):
    agree("adjust_brightness(x, 1.4)", x, blend(x, 0, 1.4))
    agree("adjust_contrast(x, 1.7)", x, blend(x, gray(x).mean((2, 3), keepdims=True), 1.7))
    agree("adjust_saturation(x, 0.3)", x, blend(x, gray(x), 0.3))
    for turn in -0.4, 0.1, 0.5, 1.3:
        agree(f"adjust_hue(x, {turn})", x, turned(x, turn))
    agree("adjust_hue(adjust_saturation(x, 0), 0.2)", x, blend(x, gray(x), 0))  # grey has no hue
    agree("shift(x, 2, -3)", x, moved(x, 2, -3))
    agree("warp(x, angle: 30, right: 1.5, down: -0.7, zoom: 1.2, shear: 15)", x, warped(x, 30, 1.5, -0.7, 1.2, 15))
    agree("warp(x, angle: -70, zoom: 0.6)", x, warped(x, -70, 0, 0, 0.6, 0))
    agree("warp(x, right: 2, down: 100)", x, 0 * x)
    agree("warp(x)", x, x)


# ---- random ones ----

def kinds(call, x, candidates, least):
    """Each image is one of the candidates, of which at least `least` occur."""
    y, found = seen_in_training(call), set()
    for n in range(N):
        fits = [key for key, images in candidates.items() if np.abs(y[n] - images[n]).max() < 1e-6]
        if not fits:
            fail(f"{call}: image {n} is none that may be")
        found.add(fits[0])
    if len(found) < least:
        fail(f"{call}: only {len(found)} kinds occur")
    print(f"{call}: {len(found)} of {len(candidates)} kinds")


def holes(call, x, most, side):
    """Zeros are squares of that side, cut off at the borders; everything else is as it was."""
    y, counts = seen_in_training(call), set()
    for n in range(N):
        gone = (y[n] == 0).all(0)
        if not np.array_equal(np.where(gone, 0, x[n]), y[n].astype(np.float32)):
            fail(f"{call}: image {n} is changed outside of holes")
        squares = []
        for top, left in np.ndindex(H, W):
            square = np.zeros((H, W), bool)
            square[max(top - side // 2, 0):top - side // 2 + side, max(left - side // 2, 0):left - side // 2 + side] = True
            if (square & gone).sum() == square.sum():
                squares.append(square)
        if gone.any() and not np.array_equal(np.logical_or.reduce(squares), gone):
            fail(f"{call}: the zeros of image {n} are no squares of {side}")
        if gone.sum() > most * side * side:
            fail(f"{call}: image {n} has more than {most} holes")
        counts.add(gone.sum())
    if len(counts) < 3 or max(counts) <= (most - 1) * side * side:
        fail(f"{call}: holes of the sizes {sorted(counts)}")
    print(f"{call}: {len(counts)} sizes")


def factor(call, numbers, low, high):
    """One number per image within the bounds, spread over most of them."""
    least, largest = numbers.min(), numbers.max()
    span = high - low
    if not (low - 1e-5 <= least <= low + 0.1 * span and high - 0.1 * span <= largest <= high + 1e-5):
        fail(f"{call}: numbers from {least} to {largest}")
    print(f"{call}: {least:.3f} to {largest:.3f}")


def one_ratio(call, x, low, high):
    ratio = seen_in_training(call) / x
    if np.ptp(ratio, axis=(1, 2, 3)).max() > 1e-5:
        fail(f"{call}: several factors in one image")
    factor(call, ratio.mean((1, 2, 3)), low, high)


def random_ones(x):
    crops = {(a, b): moved(x, a, b) for a in range(-1, 2) for b in range(-1, 2)}
    kinds("crop(x, 1.9)", x, crops, 9)
    kinds("flip(x)", x, {"as it is": x, "turned": x[:, :, :, ::-1]}, 2)
    kinds("flip(x, p: 1)", x, {"turned": x[:, :, :, ::-1]}, 1)
    kinds("flip(x, p: 0)", x, {"as it is": x}, 1)
    kinds("cutout(x, 0.9, 4)", x, {"as it is": x}, 1)
    holes("cutout(x, lam.holes, lam.length)", x, 2, 3)
    holes("cutout(x, 7, 2, most: 1)", x, 1, 2)
    one_ratio("scale_noise(x, 0.5)", x, 1 / 1.5, 1.5)
    small = 0.4  # of images that no factor makes larger than 1
    one_ratio(f"brightness({small} * x, lam.bright) / {small}", x, 0.6, 1.4)
    one_ratio(f"brightness({small} * x, 1.5) / {small}", x, 0, 2.5)
    noise = (seen_in_training("gaussian_noise(x, 0.2)") - x).ravel()
    bound = 4 * 0.2 / np.sqrt(noise.size)
    if not (abs(noise.mean()) < bound and abs(noise.std() - 0.2) < bound and len(np.unique(noise)) > 0.9 * noise.size):
        fail(f"gaussian_noise: mean {noise.mean()}, deviation {noise.std()}")
    for call, other in (("contrast", gray(x).mean((2, 3), keepdims=True)), ("saturation", gray(x))):
        y = seen_in_training(f"{call}(x, 0.3)")
        inside = (y > 1e-3) & (y < 1 - 1e-3) & (np.abs(x - other) > 0.05)
        shares = np.where(inside, (y - other) / np.where(inside, x - other, 1), np.nan)
        if np.nanmax(np.nanmax(shares, (1, 2, 3)) - np.nanmin(shares, (1, 2, 3))) > 1e-3:
            fail(f"{call}: several factors in one image")
        factor(call, np.nanmean(shares, (1, 2, 3)), 0.7, 1.3)
    y = seen_in_training("hue(x, 0.1)")
    hues = [[colorsys.rgb_to_hsv(*image[:, 3, 4])[0] for image in images] for images in (x, y)]
    factor("hue", (np.subtract(hues[1], hues[0]) + 0.5) % 1 - 0.5, -0.1, 0.1)
    agree("jitter(x, 0, 0, 0, 0)", x, x)
    agree("affine(x)", x, x)
    y = seen_in_training("affine(0 * x + 1, translate: 0.3)")[:, 0, 3]  # of a white image: black columns come in on one side
    factor("affine, translate", (W - y.sum(1)) / W * np.where(y[:, 0] < y[:, -1], 1, -1), -0.3, 0.3)
    for call in "affine(x, degrees: 20)", "affine(x, scale: 0.3)", "affine(x, shear: 20)":
        moves = np.abs(seen_in_training(call) - x).max(1)  # all pixels but the one in the centre
        if moves[:, H // 2, W // 2].max() > 1e-5 or np.median(moves.max((1, 2))) < 0.05:
            fail(f"{call}: the centre moves by {moves[:, H // 2, W // 2].max()}, all of it by {moves.max()}")


x = np.random.default_rng(SEED).uniform(0.05, 1, (N, C, H, W)).astype(np.float32)
np.save("x.npy", x)
factors(x.astype(np.float64))
random_ones(x)
