/* Random models in the language. A net is a list of assignments whose shapes are known here, so that every model is valid. No
 * function in it jumps, and divisors and arguments of logarithms stay away from zero. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/random/generate.h"

enum { MOST_VARIABLES = 40, MOST_AXES = 3, MOST_ELEMENTS = 120, CLASSES = 3 };

typedef struct Variable {
    unsigned rank;
    int dims[MOST_AXES];
} Variable;

typedef struct Writer {
    Dice dice;
    Text *out;
    unsigned n; /* variables v0 ... */
    Variable variables[MOST_VARIABLES];
    bool conditioned; /* a hyper group `lam` with a rate `p` and a positive `c` */
    bool found;       /* a model that a test names, which is to stay what it was when it was found */
} Writer;

static unsigned below(Writer *w, unsigned n)
{
    return dice_below(&w->dice, n);
}

static int elements(const Variable *v)
{
    int product = 1;
    for (unsigned axis = 0; axis < v->rank; axis++)
        product *= v->dims[axis];
    return product;
}

static Variable shape(unsigned rank, ...)
{
    Variable v = {.rank = rank};
    va_list dims;
    va_start(dims, rank);
    for (unsigned axis = 0; axis < rank; axis++)
        v.dims[axis] = va_arg(dims, int);
    va_end(dims);
    return v;
}

/* One of `all` choices; one of the first `once` in a model that was found when there were no more. */
static unsigned choose(Writer *w, unsigned once, unsigned all)
{
    return below(w, w->found ? once : all);
}

/* "[3, 4]" */
static void write_shape(Writer *w, const Variable *v)
{
    for (unsigned axis = 0; axis < v->rank; axis++)
        text_printf(w->out, "%s%d%s", axis ? ", " : "[", v->dims[axis], axis + 1 == v->rank ? "]" : "");
}

/* A variable, recent ones more often. */
static unsigned pick(Writer *w)
{
    unsigned recent = w->n < 4 ? w->n : 4;
    return below(w, 5) ? w->n - 1 - below(w, recent) : below(w, w->n);
}

static bool pick_rank(Writer *w, unsigned rank, unsigned *found)
{
    for (unsigned tries = 0; tries < 12; tries++) {
        *found = pick(w);
        if (w->variables[*found].rank == rank)
            return true;
    }
    return false;
}

static bool pick_like(Writer *w, unsigned i, unsigned *found)
{
    unsigned start = below(w, w->n);
    for (unsigned k = 0; k < w->n; k++) {
        *found = (start + k) % w->n;
        if (!memcmp(&w->variables[*found], &w->variables[i], sizeof(Variable)))
            return true;
    }
    return false;
}

static void assign(Writer *w, Variable v, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void assign(Writer *w, Variable v, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text_printf(w->out, "  v%u = %s\n", w->n, text);
    w->variables[w->n++] = v;
}

/* ---- statements ---- */

static void write_activation(Writer *w)
{
    static const char *const functions[] = {"relu(v%u)",
                                            "tanh(v%u)",
                                            "elu(v%u)",
                                            "softplus(v%u)",
                                            "gelu(v%u)",
                                            "silu(v%u)",
                                            "sigmoid(v%u)",
                                            "square(v%u)",
                                            "leaky_relu(v%u)",
                                            "sin(v%u)",
                                            "exp(-square(v%u))",
                                            "0.5 * v%u + 1",
                                            "2 - v%u",
                                            "v%u / 4",
                                            "abs(v%u + 0.1)",
                                            "log(1 + square(v%u))",
                                            "sqrt(0.3 + square(v%u))",
                                            "clamp(v%u, -0.5, 0.7)"};
    unsigned i = pick(w);
    char text[64];
    snprintf(text, sizeof text, functions[choose(w, 17, COUNT_OF(functions))], i);
    assign(w, w->variables[i], "%s", text);
}

static void write_operator(Writer *w)
{
    static const char *const forms[] = {"v%u + v%u",     "v%u - v%u",    "v%u * v%u", "v%u / (1 + square(v%u))",
                                        "max(v%u, v%u)", "min(v%u, v%u)"};
    unsigned i = pick(w), j;
    char text[96];
    if (!pick_like(w, i, &j))
        return;
    snprintf(text, sizeof text, forms[below(w, COUNT_OF(forms))], i, j);
    assign(w, w->variables[i], "%s", text);
}

static void write_linear(Writer *w)
{
    unsigned i = 0;
    if (w->found && !pick_rank(w, 1, &i))
        return;
    if (!w->found)
        i = pick(w);
    Variable v = w->variables[i];
    int m = 2 + (int)below(w, 5);
    if (v.rank == 0 || elements(&v) / v.dims[v.rank - 1] * m > MOST_ELEMENTS)
        return;
    v.dims[v.rank - 1] = m;
    assign(w, v, "linear(v%u, %d)", i, m);
}

static void write_last_axis(Writer *w)
{
    unsigned i = pick(w);
    const Variable *v = &w->variables[i];
    if (v->rank == 0 || v->dims[v->rank - 1] < 2)
        return;
    static const char *const functions[] = {"layernorm", "softmax", "log_softmax"};
    assign(w, *v, "%s(v%u)", functions[below(w, COUNT_OF(functions))], i);
}

/* Divided by a mean over any axis, as attention does. */
static void write_ratio(Writer *w)
{
    unsigned i = pick(w);
    Variable v = w->variables[i];
    if (v.rank < 2)
        return;
    unsigned axis = below(w, v.rank);
    static const char *const marks[3][3] = {{""}, {"[none]", "[:, none]"}, {"[none]", "[:, none]", "[:, :, none]"}};
    assign(w, v, "exp(-abs(v%u))", i);
    assign(w, v, "v%u / mean(v%u, axis: %u)%s", w->n - 1, w->n - 1, axis, marks[v.rank - 1][axis]);
}

static void write_reduction(Writer *w)
{
    unsigned i = pick(w);
    Variable v = w->variables[i], kept = {0};
    if (v.rank == 0)
        return;
    unsigned axis = below(w, v.rank);
    for (unsigned a = 0; a < v.rank; a++)
        if (a != axis)
            kept.dims[kept.rank++] = v.dims[a];
    static const char *const functions[] = {"sum(v%u, axis: %u)",          "mean(v%u, axis: %u)",
                                            "max(v%u, axis: %u)",          "min(v%u, axis: %u)",
                                            "var(v%u, axis: %u)",          "var(v%u where v0 > 0, axis: %u)",
                                            "quantile(v%u, 0.3, axis: %u)"};
    unsigned function = choose(w, 3, COUNT_OF(functions));
    if (strstr(functions[function], "v0") && memcmp(&v, &w->variables[0], sizeof v) != 0)
        function = 0;
    char text[64];
    snprintf(text, sizeof text, functions[function], i, axis);
    assign(w, kept, "%s", text);
}

static void write_pairs(Writer *w)
{
    unsigned i, j;
    if (!pick_rank(w, 1, &i) || !pick_rank(w, 1, &j) || elements(&w->variables[i]) * elements(&w->variables[j]) > MOST_ELEMENTS)
        return;
    static const char *const operators[] = {"*", "+", "-"};
    assign(w, shape(2, w->variables[i].dims[0], w->variables[j].dims[0]), "v%u[:, none] %s v%u", i,
           operators[below(w, COUNT_OF(operators))], j);
}

static void write_product(Writer *w)
{
    unsigned i, j;
    if (!pick_rank(w, 2, &i))
        return;
    Variable a = w->variables[i];
    if (below(w, 2)) {
        assign(w, shape(2, a.dims[0], a.dims[0]), "v%u @ transpose(v%u) / %d", i, i, a.dims[1]);
        return;
    }
    if (pick_rank(w, 1, &j) && w->variables[j].dims[0] == a.dims[1])
        assign(w, shape(1, a.dims[0]), "v%u @ v%u", i, j);
    else
        assign(w, shape(1, a.dims[0]), "v%u @ mean(v%u, axis: 0)", i, i);
}

static void write_movement(Writer *w)
{
    unsigned i = pick(w), j;
    Variable v = w->variables[i];
    if (v.rank == 0)
        return;
    switch (choose(w, 5, 7)) {
    case 5: /* a list of as many numbers as the last axis has */
        text_printf(w->out, "  list%u = [", w->n);
        for (int k = 0; k < v.dims[v.rank - 1]; k++)
            text_printf(w->out, "%s%d", k ? ", " : "", (int)below(w, 3));
        text_printf(w->out, "]\n");
        assign(w, v, "v%u * list%u", i, w->n);
        break;
    case 6:
        if (v.rank < 3 && pick_like(w, i, &j) && 2 * elements(&v) <= MOST_ELEMENTS) {
            Variable both = {.rank = v.rank + 1, .dims = {2}};
            memcpy(both.dims + 1, v.dims, v.rank * sizeof v.dims[0]);
            assign(w, both, below(w, 2) ? "stack(v%u, v%u)" : "[v%u, v%u]", i, j);
        }
        break;
    case 0:
        assign(w, shape(1, elements(&v)), "flatten(v%u)", i);
        break;
    case 1:
        if (v.rank == 2)
            assign(w, shape(2, v.dims[1], v.dims[0]), "transpose(v%u)", i);
        break;
    case 2:
        if (v.dims[0] > 1) {
            Variable rest = v;
            unsigned begin = below(w, (unsigned)v.dims[0] - 1), end = begin + 1 + below(w, (unsigned)v.dims[0] - begin);
            rest.dims[0] = (int)(end - begin);
            assign(w, rest, "v%u[%u:%u]", i, begin, end);
        }
        break;
    case 3: {
        Variable rest = {.rank = v.rank - 1};
        memcpy(rest.dims, v.dims + 1, rest.rank * sizeof rest.dims[0]);
        assign(w, rest, "v%u[%u]", i, below(w, (unsigned)v.dims[0]));
        break;
    }
    default:
        if (pick_like(w, i, &j) && 2 * elements(&v) <= MOST_ELEMENTS) {
            Variable both = v;
            both.dims[0] *= 2;
            assign(w, both, "concat(v%u, v%u)", i, j);
        }
        break;
    }
}

static void write_weight(Writer *w)
{
    static const char *const first[] = {"= 1", "~ normal(0.5)", "~ uniform(1)", "= 0.25"};
    unsigned i = pick(w);
    if (w->variables[i].rank == 0)
        return;
    text_printf(w->out, "  weight w%u: f32", w->n);
    write_shape(w, &w->variables[i]);
    text_printf(w->out, " %s\n", first[below(w, COUNT_OF(first))]);
    assign(w, w->variables[i], below(w, 2) ? "w%u * v%u" : "w%u + v%u", w->n, i);
}

static void write_dropout(Writer *w)
{
    unsigned i = pick(w);
    if (w->variables[i].rank)
        assign(w, w->variables[i], w->conditioned && below(w, 2) ? "dropout(v%u, lam.p)" : "dropout(v%u, 0.25)", i);
}

static void write_statement(Writer *w)
{
    static void (*const kinds[])(Writer *) = {write_activation, write_activation, write_operator, write_operator,  write_linear,
                                              write_linear,     write_last_axis,  write_ratio,    write_reduction, write_pairs,
                                              write_product,    write_movement,   write_movement, write_weight,    write_dropout};
    if (w->n + 3 < MOST_VARIABLES)
        kinds[below(w, COUNT_OF(kinds))](w);
}

/* ---- declarations ---- */

/* Layers that use a weight in another way than `linear`. They have their own dice, too. */
static const char *write_last_layer(Writer *w)
{
    static const struct {
        const char *name, *text;
    } layers[] = {
        {"linear", ""},
        {"columns", "layer columns(x: f32[n], m: size) -> f32[m] {\n  weight w: f32[n, m] ~ uniform(1 / sqrt(n)) output axis 1\n"
                    "  weight b: f32[m] ~ uniform(0.5)\n  return x @ w + b\n}\n"},
        {"turned", "layer turned(x: f32[n], m: size) -> f32[m] {\n  weight w: f32[n, m] ~ uniform(1 / sqrt(n))\n"
                   "  weight s: f32 = 0.7\n  return s * (transpose(w) @ x)\n}\n"},
        {"twice", "layer twice(x: f32[n], m: size) -> f32[m] {\n  weight w: f32[m, n] ~ uniform(1 / sqrt(n)) output axis 1\n"
                  "  return w @ (tanh(w @ x) @ w) + w @ transpose(w) @ (w @ x)\n}\n"},
        {"stacked",
         "layer stacked(x: f32[n], m: size) -> f32[m] {\n  weight w: f32[2, m, n] ~ uniform(1 / sqrt(n)) output axis 1\n"
         "  t = w @ x\n  return t[0] + t[1] * w[0, :, 0]\n}\n"},
    };
    Dice dice = {w->dice.state ^ 0xd1b54a32d192ed03u};
    unsigned chosen = dice_below(&dice, 2 * COUNT_OF(layers));
    chosen = chosen < COUNT_OF(layers) ? chosen : 0;
    text_printf(w->out, "%s", layers[chosen].text);
    return layers[chosen].name;
}

static void write_net(Writer *w, const Variable *input)
{
    const char *layer = write_last_layer(w);
    text_printf(w->out, "net f(v0: f32");
    write_shape(w, input);
    text_printf(w->out, ") -> f32[%d] {\n", CLASSES);
    w->n = 0;
    w->variables[w->n++] = *input;
    unsigned statements = 2 + below(w, below(w, 4) ? 8 : 20);
    for (unsigned i = 0; i < statements; i++)
        write_statement(w);
    unsigned last = w->n - 1;
    text_printf(w->out, "  return %s(%s(v%u%s), %d)\n}\n", layer, w->variables[last].rank == 1 ? "" : "flatten", last,
                w->variables[last].rank == 0 ? "[none]" : "", CLASSES);
}

static void write_loss(Writer *w, const char *name, bool penalty)
{
    static const char *const terms[] = {" + 0.1 * mean(sum(square(f(d.x)), axis: 0))",
                                        " + 0.01 * sumsq(f)",
                                        " + 0.1 * mean(max(f(d.x), axis: 0))",
                                        " + 0.1 * square(mean(f(d.x)))",
                                        " + 0.1 * mean(var(f(d.x), axis: 0))",
                                        " + 0.1 * min(f(d.x))",
                                        " + 0.1 * var(f(d.x))"};
    text_printf(w->out, "objective %s(d) = mean(cross_entropy(f(d.x), d.y))", name);
    if (below(w, 2))
        text_printf(w->out, "%s", terms[choose(w, 4, COUNT_OF(terms))]);
    if (penalty)
        text_printf(w->out, " + 0.01 * lam.c * sumsq(f)");
    text_printf(w->out, "\n");
}

static void write_fit(Writer *w)
{
    write_loss(w, "loss", false);
    if (below(w, 3) == 0)
        text_printf(
            w->out,
            "net g() -> f32[n] {\n  weight e: f32[3] ~ normal(1)\n  return linear(tanh(e), n)\n}\nweights f = dense(g())\n");
    text_printf(w->out, "train t = fit {\n  minimise loss(s.train) by sgd(0.01%s)\n", below(w, 2) ? ", momentum: 0.9" : "");
}

/* One to three forms, the first of which responds to the condition, and the ops that combine them. They have their own dice, so
 * that the rest of a seed's model does not depend on the number of forms to choose from. */
static void write_forms(Writer *w, const char *condition)
{
    static const char *const forms[] = {
        "stn(%s)", "rank1(g%u(%s))", "film(g%u(%s))", "lowrank(g%u(%s), rank: 1)", "lowrank(g%u(%s), rank: 2)", "dense(g%u(%s))",
        "free"};
    static const char *const joints[] = {" + ", " - ", " * ", " + tanh(free) * "};
    Dice dice = {w->dice.state ^ 0x9e3779b97f4a7c15u};
    unsigned count = 1 + dice_below(&dice, 3);
    for (unsigned i = 0; i < count; i++) /* a net makes the numbers for one use of a form */
        text_printf(w->out, "net g%u(q: f32[2]) -> f32[n] { return linear(tanh(linear(q, 3)), n) }\n", i);
    text_printf(w->out, "weights f = ");
    for (unsigned i = 0; i < count; i++) {
        const char *form = forms[dice_below(&dice, i ? COUNT_OF(forms) : COUNT_OF(forms) - 1)];
        text_printf(w->out, "%s", i ? joints[dice_below(&dice, COUNT_OF(joints))] : "");
        for (; *form; form++)
            if (strncmp(form, "%s", 2) == 0)
                text_printf(w->out, "%s", condition), form++;
            else if (strncmp(form, "%u", 2) == 0)
                text_printf(w->out, "%u", i), form++;
            else
                text_printf(w->out, "%c", *form);
    }
}

static void write_weights(Writer *w, const char *condition, const char *more)
{
    if (below(w, 2))
        write_forms(w, condition);
    else
        text_printf(w->out, "net g(q: f32[2]) -> f32[n] { return linear(tanh(linear(q, 3)), n) }\nweights f = dense(g(%s))",
                    condition);
    text_printf(w->out, "%s\n", more);
}

static void write_bilevel(Writer *w)
{
    write_loss(w, "loss", below(w, 2));
    write_loss(w, "valid", false);
    Dice dice = {w->dice.state ^ 0xbf58476d1ce4e5b9u}; /* its own, as for forms */
    static const char *const second[] = {"", " + stn(mu)", " * film(h(mu))"};
    unsigned more = dice_below(&dice, COUNT_OF(second));
    if (more)
        text_printf(w->out, "hyper mu { s: positive = 0.3; t: rate(0, 1) = 0.4 }\n"
                            "net h(q: f32[2]) -> f32[n] { return linear(tanh(linear(q, 3)), n) }\n");
    write_weights(w, "lam", second[more]);
    text_printf(w->out,
                "train t = bilevel(lam%s) {\n  lower loss(s.train) by sgd(0.01)\n  upper valid(s.train) by sgd(0.01)\n"
                "  sample normal(scale: 0.5)%s\n",
                more ? ", mu" : "", below(w, 2) ? " by sgd(0.01) entropy 1e-3" : "");
}

static void write_pareto(Writer *w)
{
    static const char *const solvers[] = {"linear", "smooth_tchebycheff(mu: 0.1)", "cosmos(lambda: 1)"};
    write_loss(w, "loss", false);
    text_printf(w->out, "objective other(d) = mean(sum(square(f(d.x)), axis: 0))\npreference r[2]\n");
    write_weights(w, "r", "");
    text_printf(w->out,
                "train t = pareto(r) {\n  minimise loss, other on s.train by sgd(0.01)\n  solver %s\n  sample uniform\n  report "
                "hypervolume(ref: 9) on s.train\n",
                solvers[below(w, COUNT_OF(solvers))]);
}

void random_model(uint64_t seed, Text *text)
{
    enum { FOUND = 1000000 };
    Writer w = {.dice = {seed * 0x2545f4914f6cdd1du + 7}, .out = text, .found = seed >= FOUND};
    unsigned method = below(&w, 4); /* fit twice as often */
    Variable input = below(&w, 2) ? shape(1, 2 + (int)below(&w, 6)) : shape(2, 1 + (int)below(&w, 4), 2 + (int)below(&w, 4));
    text_printf(text, "data s = idx(\"x\", \"y\") { fields x: f32");
    write_shape(&w, &input);
    text_printf(text, ", y: class[%d] }\n", CLASSES);
    w.conditioned = method == 2;
    if (w.conditioned)
        text_printf(text, "hyper lam { p: rate(0, 0.9) = 0.2; c: positive = 0.5%s }\n", below(&w, 2) ? " shared" : "");
    write_net(&w, &input);
    (method == 2 ? write_bilevel : method == 3 ? write_pareto : write_fit)(&w);
    text_printf(text, "  batch %u\n  epochs 1\n}\n", 1 + below(&w, 6));
}
