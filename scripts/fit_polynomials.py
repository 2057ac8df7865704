#!/usr/bin/env python3
"""Fits the polynomials of backend/math_f32.c and prints backend/polynomials.h.

    scripts/fit_polynomials.py > backend/polynomials.h        (needs numpy and mpmath; takes seconds)

Each is a minimax fit of one factor of the function, weighted so that the error of the whole function, relative to its value, is
levelled. Coefficients are rounded to their format one by one, the lowest first, and the higher ones fitted
again after each, so that they make up for the rounding.
"""
import mpmath
import numpy as np

mpmath.mp.prec = 120
GRID = 2000
LN2 = mpmath.log(2)


def minimax(x, target, weight, powers):
    """Coefficients c with max |weight * (sum c_k x^powers[k] - target)| nearly least over the points x (Lawson's algorithm: least
    squares, where a point counts the more the larger its error has been)."""
    columns = weight[:, None] * x[:, None] ** np.array(powers)
    scale = np.abs(columns).max(axis=0)
    wanted, share, best, least = weight * target, np.full(len(x), 1 / len(x)), None, np.inf
    for _ in range(200):
        root = np.sqrt(share)
        c = np.linalg.lstsq(root[:, None] * columns / scale, root * wanted, rcond=None)[0] / scale
        error = np.abs(columns @ c - wanted)
        if error.max() < least:
            best, least = c, error.max()
        share *= error
        share /= share.sum()
    return best


def fit(name, comment, target, weight, low, high, degree, float_type):
    """Prints one array. `target` and `weight` map an mpf to an mpf; the weight turns the factor's error into the function's."""
    # Chebyshev points, which keep clear of the ends where 0/0 may lurk.
    angles = (np.arange(GRID) + 0.5) / GRID * np.pi
    x = (float(low) + float(high)) / 2 - (float(high) - float(low)) / 2 * np.cos(angles)
    t = np.array([float(target(mpmath.mpf(v))) for v in x])
    w = np.array([float(abs(weight(mpmath.mpf(v)))) for v in x])
    rounded = []
    for k in range(degree + 1):
        known = sum(c * x**i for i, c in enumerate(rounded))
        free = minimax(x, t - known, w, range(k, degree + 1))
        rounded.append(float(float_type(free[0])))
    error = np.max(w * np.abs(sum(c * x**i for i, c in enumerate(rounded)) - t))
    print(f"/* {comment}: error at most 2^{np.log2(error):.1f} of the result. */")
    print(f"static const double {name}[] = {{")
    line = "   "
    for c in rounded:
        text = " " + c.hex().replace("0000000p", "p") + ","
        if len(line) + len(text) > 120:
            print(line)
            line = "   "
        line += text
    print(line + "\n};\n")


def split(name, comment, value, parts, truncate):
    """Prints a constant as a sum of floats; `truncate`: each part towards zero, so that all have the constant's sign."""
    rest, out = value, []
    for _ in range(parts):
        part = np.float32(float(rest))
        if truncate and mpmath.mpf(float(part)) > rest:
            part = np.nextafter(part, np.float32(0))
        out.append(float(part))
        rest -= mpmath.mpf(float(part))
    print(f"/* {comment}. */\nstatic const double {name}[] = {{{', '.join(v.hex().replace('0000000p', 'p') for v in out)}}};\n")


def main():
    exp, log, sin, cos, tanh, erf, erfc = (getattr(mpmath, f) for f in "exp log sin cos tanh erf erfc".split())
    print("/* Written by scripts/fit_polynomials.py, which says how. Lowest power first. */\n"
          "#ifndef HNC_BACKEND_POLYNOMIALS_H\n#define HNC_BACKEND_POLYNOMIALS_H\n\n#include <stdint.h>\n")
    half = LN2 / 2 * mpmath.mpf("1.001")
    fit("exp_terms", "exp r = 1 + r + r^2 P(r), |r| <= log(2) / 2", lambda r: (exp(r) - 1 - r) / r**2,
        lambda r: r**2 / exp(r), -half, half, 4, np.float32)
    low, high = mpmath.sqrt(0.5) - 1, mpmath.sqrt(2) - 1
    fit("log_terms", "log(1 + f) = f - f^2 / 2 + f^3 P(f), sqrt(1/2) <= 1 + f <= sqrt(2)",
        lambda f: (log(1 + f) - f + f**2 / 2) / f**3, lambda f: f**3 / log(1 + f), low, high, 7, np.float32)
    fit("tanh_terms", "tanh x = x + x^3 P(x^2), |x| <= 0.625; in u = x^2",
        lambda u: (tanh(mpmath.sqrt(u)) / mpmath.sqrt(u) - 1) / u, lambda u: u * mpmath.sqrt(u) / tanh(mpmath.sqrt(u)),
        0, 0.625**2, 4, np.float32)
    quarter = (mpmath.pi / 4 * mpmath.mpf("1.001"))**2
    fit("sin_terms", "sin r = r + r^3 P(r^2), |r| <= pi / 4; in u = r^2",
        lambda u: (sin(mpmath.sqrt(u)) / mpmath.sqrt(u) - 1) / u, lambda u: u * mpmath.sqrt(u) / sin(mpmath.sqrt(u)),
        0, quarter, 3, np.float32)
    fit("cos_terms", "cos r = 1 - r^2 / 2 + r^4 P(r^2), |r| <= pi / 4; in u = r^2",
        lambda u: (cos(mpmath.sqrt(u)) - 1 + u / 2) / u**2, lambda u: u**2 / cos(mpmath.sqrt(u)), 0, quarter, 2, np.float32)
    fit("erf_terms", "erf x = x + x P(x^2), |x| <= 1; in u = x^2", lambda u: erf(mpmath.sqrt(u)) / mpmath.sqrt(u) - 1,
        lambda u: mpmath.sqrt(u) / erf(mpmath.sqrt(u)), 0, 1, 6, np.float32)
    fit("erfc_terms", "erf x = 1 - exp(-P(x)), 1 <= x <= 4", lambda x: -log(erfc(x)), lambda x: erfc(x) / erf(x), 1, 4, 7,
        np.float32)
    s_limit = ((mpmath.sqrt(2) - 1) / (mpmath.sqrt(2) + 1))**2 * mpmath.mpf("1.001")
    fit("log2_terms", "log2((1 + s) / (1 - s)) = s P(s^2), |s| <= 3 - sqrt(8), in doubles; in u = s^2",
        lambda u: 2 * mpmath.atanh(mpmath.sqrt(u)) / mpmath.sqrt(u) / LN2,
        lambda u: mpmath.sqrt(u) * LN2 / (2 * mpmath.atanh(mpmath.sqrt(u))), 0, s_limit, 5, np.float64)
    fit("exp2_terms", "2^r = P(r), |r| <= 1/2, in doubles", lambda r: mpmath.mpf(2)**r, lambda r: mpmath.mpf(2)**-r, -0.5, 0.5, 7,
        np.float64)
    split("log_of_two", "log 2 as a sum", LN2, 2, False)
    split("half_pi", "pi / 2 as a sum of floats below it, so that the remainder of a zero keeps its sign", mpmath.pi / 2, 3, True)
    mpmath.mp.prec = 300
    two_over_pi = int(mpmath.floor(2 / mpmath.pi * mpmath.mpf(2)**200))
    words = [(two_over_pi >> (64 * i)) & (2**64 - 1) for i in range(4)]
    print("/* The first 200 bits of 2 / pi after the point, as a number of four words, lowest first. */\n"
          "static const uint64_t two_over_pi[] = {" + ", ".join(f"0x{w:016x}" for w in words) + "};\n\n#endif")


if __name__ == "__main__":
    main()
