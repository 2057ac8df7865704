#include <math.h>

#include "pareto/internal.h"
#include "runtime/abi/random_space.h"

/* Philox 4x32-10 (Salmon et al., SC 2011), the generator of ir/ir.h and runtime/data/philox.h; this folder depends on neither. */
static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]}, k[2] = {key[0], key[1]};
    for (int round = 0; round < 10; round++) {
        uint64_t low = (uint64_t)0xD2511F53 * c[0], high = (uint64_t)0xCD9E8D57 * c[2];
        c[0] = (uint32_t)(high >> 32) ^ c[1] ^ k[0];
        c[1] = (uint32_t)high;
        c[2] = (uint32_t)(low >> 32) ^ c[3] ^ k[1];
        c[3] = (uint32_t)low;
        k[0] += 0x9E3779B9;
        k[1] += 0xBB67AE85;
    }
    for (int i = 0; i < 4; i++)
        out[i] = c[i];
}

/* Uniform in (0, 1), never an end of it. */
static double uniform(uint32_t word)
{
    return (word + 0.5) * 0x1p-32;
}

/* The logarithm of a variate of Gamma(shape, 1). Below shape 1, as Gamma(shape + 1) U^(1 / shape): the factor underflows, but its
 * logarithm does not. One block of four words per attempt: two make a normal variate (Box & Muller), one decides, one is U. */
static double log_gamma_variate(const uint32_t seed[2], uint32_t step, uint32_t stream, unsigned component, double shape)
{
    enum { LIMIT = 1000 }; /* an attempt fails with probability below 0.05; the limit is for a shape that is NaN */
    const double pi = 3.14159265358979323846;
    double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (uint32_t attempt = 0; attempt < LIMIT; attempt++) {
        uint32_t counter[4] = {attempt * PARETO_MOST_OBJECTIVES + component, step, stream, RANDOM_PURPOSE_DIRICHLET}, words[4];
        philox(counter, seed, words);
        double x = sqrt(-2 * log(uniform(words[0]))) * cos(2 * pi * uniform(words[1]));
        double root = 1 + c * x, v = root * root * root;
        if (root > 0 && log(uniform(words[2])) < 0.5 * x * x + d - d * v + d * log(v))
            return log(d * v) + (shape < 1 ? log(uniform(words[3])) / shape : 0);
    }
    return 0;
}

void dirichlet_sample(const uint32_t seed[2], uint32_t step, uint32_t stream, unsigned m, const double *concentration,
                      double *ray)
{
    double largest = -INFINITY, sum = 0;
    for (unsigned j = 0; j < m; j++) {
        ray[j] = log_gamma_variate(seed, step, stream, j, concentration[j]);
        largest = fmax(largest, ray[j]);
    }
    for (unsigned j = 0; j < m; j++) {
        ray[j] = exp(ray[j] - largest);
        sum += ray[j];
    }
    for (unsigned j = 0; j < m; j++)
        ray[j] /= sum;
}
