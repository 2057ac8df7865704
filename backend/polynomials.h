/* Written by scripts/fit_polynomials.py, which says how. Lowest power first. */
#ifndef HNC_BACKEND_POLYNOMIALS_H
#define HNC_BACKEND_POLYNOMIALS_H

#include <stdint.h>

/* exp r = 1 + r + r^2 P(r), |r| <= log(2) / 2: error at most 2^-28.2 of the result. */
static const double exp_terms[] = {
    0x1.fffffcp-2, 0x1.555492p-3, 0x1.5558b4p-5, 0x1.1239a0p-7, 0x1.6a495cp-10,
};

/* log(1 + f) = f - f^2 / 2 + f^3 P(f), sqrt(1/2) <= 1 + f <= sqrt(2): error at most 2^-27.4 of the result. */
static const double log_terms[] = {
    0x1.555554p-2, -0x1.000226p-2, 0x1.99a01cp-3, -0x1.54728ap-3, 0x1.22d92ep-3, -0x1.0d8242p-3, 0x1.055ec6p-3,
    -0x1.38c9dep-4,
};

/* tanh x = x + x^3 P(x^2), |x| <= 0.625; in u = x^2: error at most 2^-27.7 of the result. */
static const double tanh_terms[] = {
    -0x1.555532p-2, 0x1.1106f6p-3, -0x1.b835a4p-5, 0x1.51f8cep-6, -0x1.750ce2p-8,
};

/* sin r = r + r^3 P(r^2), |r| <= pi / 4; in u = r^2: error at most 2^-32.5 of the result. */
static const double sin_terms[] = {
    -0x1.555556p-3, 0x1.111174p-7, -0x1.a0595ep-13, 0x1.7c3226p-19,
};

/* cos r = 1 - r^2 / 2 + r^4 P(r^2), |r| <= pi / 4; in u = r^2: error at most 2^-33.0 of the result. */
static const double cos_terms[] = {
    0x1.55554ap-5, -0x1.6c0c28p-10, 0x1.99e80cp-16,
};

/* erf x = x + x P(x^2), |x| <= 1; in u = x^2: error at most 2^-29.4 of the result. */
static const double erf_terms[] = {
    0x1.06eba8p-3, -0x1.81273ep-2, 0x1.ce2ce6p-4, -0x1.b7f71ap-6, 0x1.53f224p-8, -0x1.a3515ep-11, 0x1.4771fcp-14,
};

/* erf x = 1 - exp(-P(x)), 1 <= x <= 4: error at most 2^-35.4 of the result. */
static const double erfc_terms[] = {
    -0x1.8b3e3ep-13, 0x1.212c2cp+0, 0x1.4434f6p-1, 0x1.bc1898p-4, -0x1.9d0b46p-6, 0x1.139840p-8, -0x1.cee93ep-12,
    0x1.6c0584p-16,
};

/* log2((1 + s) / (1 - s)) = s P(s^2), |s| <= 3 - sqrt(8), in doubles; in u = s^2: error at most 2^-45.1 of the result. */
static const double log2_terms[] = {
    0x1.71547652b8251p+1, 0x1.ec709dc53db2fp-1, 0x1.2776c2915571cp-1, 0x1.a61a3083e0d2ap-2, 0x1.4795084d9f012p-2,
    0x1.21b59a3d6d74fp-2,
};

/* 2^r = P(r), |r| <= 1/2, in doubles: error at most 2^-34.5 of the result. */
static const double exp2_terms[] = {
    0x1.ffffffffabbcfp-1, 0x1.62e42ff116299p-1, 0x1.ebfbe0a4be735p-3, 0x1.c6b08aaf2d0b3p-5, 0x1.3b29dc40ddc3bp-7,
    0x1.5d8a708a25fbdp-10, 0x1.446a1fd5d6f79p-13, 0x1.fe1781ba6e9fcp-17,
};

/* log 2 as a sum. */
static const double log_of_two[] = {0x1.62e430p-1, -0x1.05c610p-29};

/* pi / 2 as a sum of floats below it, so that the remainder of a zero keeps its sign. */
static const double half_pi[] = {0x1.921fb4p+0, 0x1.4442d0p-24, 0x1.846988p-48};

/* The first 200 bits of 2 / pi after the point, as a number of four words, lowest first. */
static const uint64_t two_over_pi[] = {0x6295993c439041fe, 0x2757d1f534ddc0db, 0xf9836e4e441529fc, 0x00000000000000a2};

#endif
