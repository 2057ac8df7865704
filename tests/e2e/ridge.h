/* Ridge regression, whose minimum and derivatives are known, and how tests of methods with two levels train. */
#ifndef HNC_TESTS_E2E_RIDGE_H
#define HNC_TESTS_E2E_RIDGE_H

enum { RIDGE_N = 4, RIDGE_FEATURES = 3, RIDGE_TRAIN = 40, RIDGE_VALID = 20, RIDGE_ROWS = RIDGE_TRAIN + RIDGE_VALID };
extern const double ridge_decays[2]; /* of the weights, and of the constant: 0.1, 0.3 */

typedef struct RidgeProblem {
    double z[RIDGE_ROWS][RIDGE_N], y[RIDGE_ROWS]; /* with a 1 behind the features */
    double h[RIDGE_N][RIDGE_N], g[RIDGE_N], w[RIDGE_N]; /* at the minimum: second derivative of lower, derivative of upper, weights */
} RidgeProblem;

/* Writes d.csv, of the columns a, b, c and t; the first 40 rows are for training. */
RidgeProblem ridge_problem(void);
/* x solves a x = b. */
void ridge_solve(const double a[RIDGE_N][RIDGE_N], const double b[RIDGE_N], double x[RIDGE_N]);
void ridge_multiply(const double a[RIDGE_N][RIDGE_N], const double x[RIDGE_N], double product[RIDGE_N]);
double ridge_dot(const double a[RIDGE_N], const double b[RIDGE_N]);

/* The data of d.csv, as the first lines of a model. */
#define RIDGE_DATA                                                                                                               \
    "data d = csv(\"d.csv\") {\n"                                                                                                \
    "  fields x = numbers(a, b, c), y = numbers(t)\n"                                                                            \
    "  split train 40, valid 20\n"                                                                                               \
    "}\n"
/* Writes m.hn. */
void write_model(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* v . d(lower)/dw dlog(decay) of both decays, of an upper loss to which the first one adds a fifth of itself. */
void ridge_through(const RidgeProblem *p, const double v[RIDGE_N], double derivatives[2]);
/* How far the derivatives by which a step of rate 1 has moved the logarithms of lam.decay and lam.constant are from these. */
double ridge_worst_derivative(const double expected[2]);

/* Builds m.hn in f64 with these options of hnc, and trains into the folder "run". last.json is the last evaluation. */
void build_and_train(const char *options);
/* What an export of ./m makes of row.csv, one row, with the last weights of "run". */
double predict_row(const char *export, const char *flags);
/* A number of a file of one JSON object; of last.json. */
double number(const char *file, const char *key);
double last(const char *key);

#endif
