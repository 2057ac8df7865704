/* Random programs: valid IR functions of every kind of op, and models in the language. A program is a function of its seed alone.
 */
#ifndef HNC_TESTS_RANDOM_GENERATE_H
#define HNC_TESTS_RANDOM_GENERATE_H

#include "ir/ir.h"

/* Splitmix64: numbers that depend on the seed only. */
typedef struct Dice {
    uint64_t state;
} Dice;

static inline uint64_t dice_bits(Dice *dice)
{
    uint64_t z = dice->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 to n - 1. */
static inline unsigned dice_below(Dice *dice, unsigned n)
{
    return (unsigned)(dice_bits(dice) % n);
}

/* What the inputs and fields of a random program hold: indices are below this number, fields have this many rows. */
enum { RANDOM_INDEX_LIMIT = 5, RANDOM_ROWS = 5 };

/* A module with the functions "p<seed>" of the seeds [first, first + count), each with states of its own ("p<seed>.s0", ...). Of
 * two programs in three the outputs are losses with their gradients (`grad` ops, expanded) and, twice, the slope of the loss
 * along a direction: by reverse mode and by forward mode. With `optimized` the functions went through every pass of a step. */
Module *random_module(uint64_t first, unsigned count, DType real, bool optimized);

/* Appends the text of a random model that is valid: a net of random layers, losses with penalties, weights of any form, a train
 * by any method. */
void random_model(uint64_t seed, Text *text);

#endif
