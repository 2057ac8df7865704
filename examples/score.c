/* Scores people by the fairness model of models/fairness_adult.hn, for a preference between accuracy and two notions of fairness:
 *
 *     hnc aot fairness_adult.hn --weights last.safetensors -o adult
 *     cc score.c adult.o -o score
 *     ./score 3 1 1 < adult.test
 *
 * The input is a table as Adult's: a line of column names, then a line per person. Each line of the output is the chance that a person
 * earns more than 50,000 dollars. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adult.h"

enum { AGE, WORKCLASS, FNLWGT, EDUCATION, EDUCATION_NUM, MARITAL_STATUS, OCCUPATION, RELATIONSHIP, RACE, SEX, GAIN, LOSS, HOURS, COUNTRY, FIELDS };

static _Alignas(64) unsigned char workspace[ADULT_WORKSPACE_BYTES], weights[ADULT_GENERATE_WEIGHTS_BYTES];

/* Divides the line at its commas, and takes blanks away. */
static int read_person(char *line, adult_score_columns *person)
{
    char *field[FIELDS];
    int count = 0;
    for (char *text = strtok(line, ",\n"); text && count < FIELDS; text = strtok(NULL, ",\n")) {
        text += strspn(text, " ");
        text[strcspn(text, " \r")] = 0;
        field[count++] = text;
    }
    if (count < FIELDS)
        return 0;
    *person = (adult_score_columns){.age = strtod(field[AGE], NULL),
                                    .education_num = strtod(field[EDUCATION_NUM], NULL),
                                    .capital_gain = strtod(field[GAIN], NULL),
                                    .capital_loss = strtod(field[LOSS], NULL),
                                    .hours_per_week = strtod(field[HOURS], NULL),
                                    .workclass = field[WORKCLASS],
                                    .education = field[EDUCATION],
                                    .marital_status = field[MARITAL_STATUS],
                                    .occupation = field[OCCUPATION],
                                    .relationship = field[RELATIONSHIP],
                                    .race = field[RACE],
                                    .native_country = field[COUNTRY]};
    return 1;
}

int main(int argc, char **argv)
{
    float preference[ADULT_GENERATE_R_SIZE], row[ADULT_SCORE_X_SIZE], score;
    char line[1024];
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
    if (!fgets(line, sizeof line, stdin)) /* the names of the columns */
        return 1;
    for (int number = 2; fgets(line, sizeof line, stdin); number++) {
        adult_score_columns person;
        if (!read_person(line, &person) || adult_score_encode(&person, row) != ADULT_OK) {
            fprintf(stderr, "%s: line %d is no person that the model can read\n", argv[0], number);
            return 1;
        }
        adult_score_with(weights, row, &score, workspace);
        printf("%.9g\n", score);
    }
    return 0;
}
