/* Shape rules, through the text: every op line states its type, and the parser holds it against the rule. */
#include "tests/ir/ir_test.h"

static const char context[] =
    "module m f32\n"
    "state @s : f32[2, 3] weight\n"
    "field @image : u8[4, 5] dataset 0\n"
    "field @label : i32[] dataset 0 classes 10\n"
    "condition @lam : f32[7]\n"
    "weight @w : f32[6, 4] net 0 form 0 axis 0 fan 4 6 init constant 0\n"
    "func @f(%a: f32[2, 3], %b: f32[2, 3], %c: f32[3], %d: f64[2, 3], %i: i32[5], %j: i32[2, 3], %n: i32[], "
    "%p: bool[2, 3], %q: u8[2, 3], %seed: i32[2], %x: f32[4, 2, 3], %y: f32[4, 3, 5], %z: f32[], "
    "%e: f32[5, 3], %big: f32[65536, 4096], %deep: f32[1, 1, 1, 1, 1, 1, 1, 2]) {\n";

static char *in_context(const char *line)
{
    Text text = {0};
    text_printf(&text, "%s  %s\n}\n", context, line);
    return text.data;
}

static const char *const good[] = {
    "%1 = const 1.5 : f32[2]",
    "%1 = const -7 : i32[]",
    "%1 = const 255 : u8[3]",
    "%1 = const 1 : bool[3]",
    "%1 = const nan : f64[3]",
    "%1 = iota axis 1 : i32[2, 3]",
    "%1 = iota axis 0 : f32[2]",
    "%1 = random %seed, %n stream 4 : f32[10]",
    "%1 = random %seed, %n stream 4294967295 shared : f64[10]",
    "%1 = state_read @s : f32[2, 3]",
    "state_write @s, %a",
    "%1 = fetch @image, %i : u8[5, 4, 5]",
    "%1 = fetch @label, %i : i32[5]",
    "%1 = fetch @label, %i neighbours : i32[5]",
    "%1 = param @w : f32[6, 4]",
    "%1 = condition @lam : f32[7]",
    "%1 = example @image : u8[4, 5]",
    "%1 = across_mean %a : f32[2, 3]",
    "%1 = grad %z, %a : f32[2, 3]",
    "%1 = tangent %z, %a, %c, %b, %c : f32[]",
    "%1 = neg %d : f64[2, 3]",
    "%1 = not %p : bool[2, 3]",
    "%1 = add %j, %j : i32[2, 3]",
    "%1 = max %j, %j : i32[2, 3]",
    "%1 = div %a, %b : f32[2, 3]",
    "%1 = lt %q, %q : bool[2, 3]",
    "%1 = eq %p, %p : bool[2, 3]",
    "%1 = and %p, %p : bool[2, 3]",
    "%1 = select %p, %q, %q : u8[2, 3]",
    "%1 = cast %q : f32[2, 3]",
    "%1 = broadcast %c axes [1] : f32[2, 3]",
    "%1 = broadcast %z axes [] : f32[2, 3]",
    "%1 = broadcast %q axes [0, 2] : u8[2, 9, 3]",
    "%1 = reshape %a : f32[3, 1, 2]",
    "%1 = transpose %x axes [2, 0, 1] : f32[3, 4, 2]",
    "%1 = slice %a from [1, 1] : f32[1, 2]",
    "%1 = window %a axes [1] extents [2] steps [1] dilations [1] : f32[2, 2, 2]",
    "%1 = window %x axes [0, 2] extents [2, 2] steps [1, 2] dilations [1, -2] : f32[3, 2, 1, 2, 2]",
    "%1 = window %j axes [] extents [] steps [] dilations [] : i32[2, 3]",
    "%1 = overlap %a axes [0] extents [3] steps [2] dilations [1] : f32[5]",
    "%1 = overlap %a axes [0] extents [3] steps [2] dilations [1] : f32[6]",
    "%1 = pad %a before [0, 2] : f32[2, 6]",
    "%1 = concat %a, %b, %a axis 1 : f32[2, 9]",
    "%1 = reduce_sum %x axes [0, 2] : f32[2]",
    "%1 = reduce_max %j axes [1] : i32[2]",
    "%1 = argmax %x axis 1 : i32[4, 3]",
    "%1 = sort %a axis 1 : i32[2, 3]",
    "%1 = sort %j axis 0 : i32[2, 3]",
    "%1 = dot %a, %c contract [1] [0] : f32[2]",
    "%1 = dot %a, %b contract [0, 1] [0, 1] : f32[]",
    "%1 = dot %a, %c contract [] [] : f32[2, 3, 3]",
    "%1 = dot %x, %y contract [2] [1] batch [0] [0] : f32[4, 2, 5]",
    "%1 = gather %a, %j : f32[2, 3, 3]",
    "%1 = gather %q, %n : u8[3]",
    "%1 = scatter_add %i, %e rows 7 : f32[7, 3]",
    "%1 = scatter_add %n, %c rows 1 : f32[1, 3]",
    "%1 = extern @dirichlet, %seed, %n, %c : f32[3]",
    "%1 = extern @hvi, %c, %a : f32[7]",
};

static void accepted(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        char *text = in_context(good[i]);
        module_free(must_parse(text));
        free(text);
    }
}

static const char *const wrong_lines[][2] = {
    {"%1 = const 1.5 : i32[]", "1.5 is not a value of i32"},
    {"%1 = const 256 : u8[]", "256 is not a value of u8"},
    {"%1 = const 2 : bool[]", "2 is not a value of bool"},
    {"%1 = const nan : i32[]", "nan is not a value of i32"},
    {"%1 = iota axis 2 : i32[2, 3]", "axis 2 is not one of i32[2, 3]"},
    {"%1 = iota axis 0 : bool[2]", "cast it first"},
    {"%1 = random %i, %n stream 0 : f32[2]", "the seed must be i32[2]"},
    {"%1 = random %seed, %i stream 0 : f32[2]", "the step must be i32[]"},
    {"%1 = random %seed, %n stream 0 : i32[2]", "must be a float"},
    {"state_write @s, %c", "state 's' is f32[2, 3], the value f32[3]"},
    {"%1 = state_read @s : f32[3, 2]", "the type of this state_read is f32[2, 3], not f32[3, 2]"},
    {"%1 = fetch @image, %n : u8[4, 5]", "the index must be i32[n], not i32[]"},
    {"%1 = across_sum %p : bool[2, 3]", "cast it first"},
    {"%1 = grad %a, %a : f32[2, 3]", "needs a float scalar, not f32[2, 3]"},
    {"%1 = grad %z, %j : i32[2, 3]", "needs a float operand"},
    {"%1 = tangent %z, %a : f32[]", "as many leaves as tangents"},
    {"%1 = tangent %z, %a, %c : f32[]", "operand types differ: f32[2, 3] and f32[3]"},
    {"%1 = exp %j : i32[2, 3]", "needs a float operand, not i32[2, 3]"},
    {"%1 = neg %a, %b : f32[2, 3]", "2 operands given, 1 needed"},
    {"%1 = add %a : f32[2, 3]", "1 operands given, 2 needed"},
    {"%1 = add %a, %c : f32[2, 3]", "operand types differ: f32[2, 3] and f32[3]"},
    {"%1 = add %a, %d : f32[2, 3]", "operand types differ: f32[2, 3] and f64[2, 3]"},
    {"%1 = add %p, %p : bool[2, 3]", "cast it first"},
    {"%1 = add %q, %q : u8[2, 3]", "cast it first"},
    {"%1 = div %j, %j : i32[2, 3]", "needs a float operand"},
    {"%1 = lt %p, %p : bool[2, 3]", "bool has no order"},
    {"%1 = not %a : f32[2, 3]", "needs bool operands"},
    {"%1 = select %a, %a, %a : f32[2, 3]", "the condition must be bool"},
    {"%1 = select %p, %a, %d : f32[2, 3]", "operand types differ"},
    {"%1 = select %p, %c, %c : f32[3]", "operand types differ"},
    {"%1 = cast %a : f64[3]", "the type of this cast is f64[2, 3]"},
    {"%1 = broadcast %c axes [0] : f32[2, 3]", "axis 0 of f32[3] cannot become axis 0 of f32[2, 3]"},
    {"%1 = broadcast %c axes [] : f32[2, 3]", "0 axes given, 1 needed"},
    {"%1 = broadcast %a axes [1, 0] : f32[3, 2]", "axes must increase"},
    {"%1 = broadcast %c axes [5] : f32[2, 3]", "axis 5 is not one of f32[2, 3]"},
    {"%1 = reshape %a : f32[5]", "differ in their number of elements"},
    {"%1 = transpose %a axes [0, 0] : f32[2, 2]", "axis 0 is named twice"},
    {"%1 = transpose %a axes [0] : f32[2]", "1 axes given, 2 needed"},
    {"%1 = slice %a from [1, 2] : f32[1, 2]", "lies outside f32[2, 3]"},
    {"%1 = slice %a from [0] : f32[1]", "differ in rank"},
    {"%1 = window %a axes [1] extents [4] steps [1] dilations [1] : f32[2, 1, 4]", "is larger than the axis of 3"},
    {"%1 = window %a axes [1] extents [2] steps [1] dilations [-3] : f32[2, 1, 2]", "is larger than the axis of 3"},
    {"%1 = window %a axes [1] extents [2] steps [0] dilations [1] : f32[2, 1, 2]", "no window has the extent 2, the step 0"},
    {"%1 = window %a axes [1] extents [2] steps [1] dilations [0] : f32[2, 1, 2]", "the dilation 0"},
    {"%1 = window %a axes [1, 0] extents [1, 1] steps [1, 1] dilations [1, 1] : f32[2, 3, 1, 1]", "axes must increase"},
    {"%1 = window %a axes [1] extents [1, 1] steps [1] dilations [1] : f32[2, 3, 1]", "2 extents given, 1 needed"},
    {"%1 = window %a axes [1] extents [1] steps [1] dilations [1] : f32[2, 3]", "the type of this window is f32[2, 3, 1]"},
    {"%1 = overlap %a axes [0] extents [3] steps [2] dilations [1] : f32[7]", "are not the windows f32[3, 3] of f32[7]"},
    {"%1 = overlap %p axes [0] extents [3] steps [2] dilations [1] : bool[5]", "cast it first"},
    {"%1 = pad %a before [1, 0] : f32[2, 3]", "lies outside f32[2, 3]"},
    {"%1 = concat %a, %x axis 0 : f32[6, 3]", "do not join on axis 0"},
    {"%1 = concat %a, %d axis 0 : f32[4, 3]", "do not join"},
    {"%1 = concat %z axis 0 : f32[1]", "axis 0 is not one of f32[]"},
    {"%1 = concat %big, %big, %big, %big, %big, %big, %big, %big axis 0 : f32[1]", "no valid type"},
    {"%1 = reduce_sum %a axes [1, 0] : f32[]", "axes must increase"},
    {"%1 = reduce_sum %p axes [0] : bool[3]", "cast it first"},
    {"%1 = argmax %a axis 2 : i32[2]", "axis 2 is not one of"},
    {"%1 = sort %a axis 2 : i32[2, 3]", "axis 2 is not one of"},
    {"%1 = sort %p axis 0 : i32[2, 3]", "bool"},
    {"%1 = dot %a, %d contract [1] [1] : f32[2, 2]", "operand types differ"},
    {"%1 = dot %j, %j contract [1] [1] : i32[2, 2]", "needs a float operand"},
    {"%1 = dot %a, %c contract [0] [0] : f32[3]", "contracted axes 0 of f32[2, 3] and 0 of f32[3] differ"},
    {"%1 = dot %a, %b contract [0, 1] [0] : f32[]", "2 contracted axes on the left, 1 on the right"},
    {"%1 = dot %a, %b contract [1] [1] batch [1] [1] : f32[3, 2, 2]", "axis 1 is named twice"},
    {"%1 = dot %deep, %a contract [] [] : f32[2]", "too many axes (limit is 8)"},
    {"%1 = dot %big, %x contract [] [] : f32[2]", "no valid type"},
    {"%1 = gather %z, %i : f32[5]", "the table needs an axis"},
    {"%1 = gather %a, %b : f32[2, 3, 3]", "the index must be i32"},
    {"%1 = scatter_add %i, %a rows 4 : f32[4, 3]", "must start with the axes of the index"},
    {"%1 = scatter_add %n, %c rows 0 : f32[1, 3]", "no valid type"},
    {"%1 = extern @dirichlet, %seed, %c : f32[3]", "dirichlet takes 3 operands, not 2"},
    {"%1 = extern @dirichlet, %n, %n, %c : f32[3]", "the seed must be i32[2]"},
    {"%1 = extern @epo, %c, %c, %a : f32[4]", "do not fit the ray f32[3] and the Gram matrix f32[2, 3]"},
    {"%1 = extern @hvi, %c, %c : f32[4]", "at most 64 rows of 3 floats, not f32[3]"},
    {"%1 = extern @hvi, %c, %d : f32[7]", "at most 64 rows of 3 floats, not f64[2, 3]"},
    {"%1 = extern @hvi, %c, %a : f32[2, 3]", "the type of this extern is f32[7]"},
};

static void refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(wrong_lines); i++) {
        char *text = in_context(wrong_lines[i][0]);
        must_refuse(text, wrong_lines[i][1]);
        free(text);
    }
}

static void types(void **unused)
{
    (void)unused;
    Type absurd = type_of(DTYPE_F64, 8, (int64_t[]){1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30});
    assert_false(type_valid(absurd));
    assert_int_equal(type_elements(absurd), INT64_MAX);
    assert_true(type_valid(type_of(DTYPE_U8, 1, (int64_t[]){MAX_ELEMENTS})));
    assert_false(type_valid(type_of(DTYPE_U8, 1, (int64_t[]){MAX_ELEMENTS + 1})));
    assert_false(type_valid(type_of(DTYPE_U8, 1, (int64_t[]){0})));
    assert_int_equal(type_elements(type_scalar(DTYPE_F32)), 1);
    assert_int_equal(type_bytes(type_of(DTYPE_F64, 2, (int64_t[]){3, 4})), 96);
    assert_string_equal(type_text(type_of(DTYPE_BOOL, 2, (int64_t[]){3, 4})), "bool[3, 4]");
    assert_string_equal(type_text(type_scalar(DTYPE_I32)), "i32[]");
    assert_true(type_equal(type_with_dtype(type_scalar(DTYPE_I32), DTYPE_F32), type_scalar(DTYPE_F32)));
    assert_true(dims_contain(dims_of(3, 4, 5, 6), 5));
    assert_false(dims_contain(dims_of(3, 4, 5, 6), 0));
}

static void mnemonics(void **unused)
{
    (void)unused;
    for (int code = 0; code < OP_COUNT; code++)
        assert_int_equal(op_by_name(op_info[code].name), code);
    assert_int_equal(op_by_name("call"), OP_COUNT);
    assert_int_equal(op_info[OP_DOT].arity, 2);
    assert_int_equal(op_info[OP_DOT].lowering, LOWER_PRODUCT);
    assert_int_equal(op_info[OP_GRAD].effect, EFFECT_PSEUDO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),
        cmocka_unit_test(refused),
        cmocka_unit_test(types),
        cmocka_unit_test(mnemonics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
