/* Scores people by the fairness model of models/fairness_adult.hn, for a preference between accuracy and two notions of fairness:
 *
 *     hnc aot fairness_adult.hn --weights last.safetensors -o adult
 *     cc score.c adult.o -lm -o score
 *     ./score 3 1 1 < rows.csv
 *
 * Each line of the input is an encoded row, numbers with commas between them; each line of the output is a score. */
#include <stdio.h>
#include <stdlib.h>

#include "adult.h"

static _Alignas(64) unsigned char workspace[ADULT_WORKSPACE_BYTES], weights[ADULT_GENERATE_WEIGHTS_BYTES];

static int read_row(float row[ADULT_SCORE_X_SIZE])
{
    for (int i = 0; i < ADULT_SCORE_X_SIZE; i++)
        if (scanf(i ? ",%f" : "%f", &row[i]) != 1)
            return 0;
    return 1;
}

int main(int argc, char **argv)
{
    float preference[ADULT_GENERATE_R_SIZE], row[ADULT_SCORE_X_SIZE], score;
    if (argc != 1 + ADULT_GENERATE_R_SIZE) {
        fprintf(stderr, "usage: %s %d numbers: how much each objective matters\n", argv[0], ADULT_GENERATE_R_SIZE);
        return 2;
    }
    for (int i = 0; i < ADULT_GENERATE_R_SIZE; i++)
        preference[i] = strtof(argv[1 + i], NULL);
    if (adult_generate(preference, weights, workspace) != ADULT_OK) { /* once for all people */
        fprintf(stderr, "%s: this is no preference\n", argv[0]);
        return 1;
    }
    while (read_row(row)) {
        if (adult_score_with(weights, row, &score, workspace) != ADULT_OK)
            return 1;
        printf("%.9g\n", score);
    }
    return 0;
}
