/* Memory that is freed all at once, and growable arrays.
 *
 * Lifetimes: one arena holds the source text and AST, one holds an IR module; each pass may open a scratch arena of its own.
 * Allocation never returns NULL: when the system has no memory left, support_out_of_memory() says so and exits with status 1. */
#ifndef HNC_SUPPORT_ARENA_H
#define HNC_SUPPORT_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ArenaBlock ArenaBlock;
typedef struct Arena {
    ArenaBlock *head; /* newest block; owned */
} Arena;

/* Zeroed memory of `size` bytes, aligned for any type; owned by the arena. */
void *arena_alloc(Arena *arena, size_t size);
/* As arena_alloc, for `count` elements of `size` bytes; an overflowing product is out of memory. */
void *arena_array(Arena *arena, size_t count, size_t size);
/* Copy of text[0..len), NUL-terminated. */
char *arena_text(Arena *arena, const char *text, size_t len);
/* Copy of a text that ends with a NUL. */
char *arena_copy(Arena *arena, const char *text);
/* Copies of `count` such texts; NULL of NULL. */
const char **arena_copies(Arena *arena, const char *const *texts, size_t count);
/* printf into the arena. */
char *arena_printf(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(Arena *arena, const char *format, va_list args);
/* Frees every block; the arena is empty and usable again. */
void arena_free(Arena *arena);

#define ARENA_NEW(arena, T) ((T *)arena_alloc((arena), sizeof(T)))
#define ARENA_ARRAY(arena, T, count) ((T *)arena_array((arena), (count), sizeof(T)))

/* malloc and realloc that do not fail (see above). */
void *support_malloc(size_t size);
void *support_realloc(void *memory, size_t size);
_Noreturn void support_out_of_memory(void);
/* Test hook: the Nth allocation from now reports out of memory; 0 switches it off. */
void support_fail_allocation(unsigned nth);

/* Growable array, heap-allocated: `VEC(int) v = {0}; vec_push(&v, 3); v.data[0]; v.len; vec_free(&v);` */
#define VEC(T)                                                                                                                   \
    struct {                                                                                                                     \
        T *data;                                                                                                                 \
        uint32_t len, cap;                                                                                                       \
    }
#define vec_push(v, ...)                                                                                                         \
    (vec_reserve_((void **)&(v)->data, &(v)->cap, (v)->len + 1u, sizeof *(v)->data), (v)->data[(v)->len++] = (__VA_ARGS__))
#define vec_reserve(v, n) vec_reserve_((void **)&(v)->data, &(v)->cap, (n), sizeof *(v)->data)
#define vec_last(v) ((v)->data[(v)->len - 1])
#define vec_free(v) (support_free((v)->data), (v)->data = NULL, (v)->len = (v)->cap = 0)
void vec_reserve_(void **data, uint32_t *cap, uint32_t need, size_t size);
void support_free(void *memory);

/* Growable text, always NUL-terminated once written to. */
typedef struct Text {
    char *data;
    size_t len, cap;
} Text;
void text_printf(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_append(Text *text, const char *bytes, size_t len);
void text_free(Text *text);

/* What stands before item number i of `count` alternatives: "a, b or c". */
static inline const char *before_alternative(size_t i, size_t count)
{
    return i == 0 ? "" : i + 1 < count ? ", " : " or ";
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
