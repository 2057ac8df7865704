#include "support/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 64 * 1024, ALIGNMENT = 16 };

struct ArenaBlock {
    ArenaBlock *next;
    size_t used, size;
    _Alignas(ALIGNMENT) char bytes[];
};

static unsigned fail_countdown;

void support_fail_allocation(unsigned nth)
{
    fail_countdown = nth;
}

_Noreturn void support_out_of_memory(void)
{
    fputs("hnc: error: out of memory\n", stderr);
    exit(1);
}

static void check_hook(void)
{
    if (fail_countdown && --fail_countdown == 0)
        support_out_of_memory();
}

void *support_malloc(size_t size)
{
    check_hook();
    void *memory = malloc(size ? size : 1);
    if (!memory)
        support_out_of_memory();
    return memory;
}

void *support_realloc(void *memory, size_t size)
{
    check_hook();
    memory = realloc(memory, size ? size : 1);
    if (!memory)
        support_out_of_memory();
    return memory;
}

void support_free(void *memory)
{
    free(memory);
}

void *arena_alloc(Arena *arena, size_t size)
{
    if (size > SIZE_MAX - BLOCK_BYTES - sizeof(ArenaBlock))
        support_out_of_memory();
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    ArenaBlock *block = arena->head;
    if (!block || block->size - block->used < size) {
        size_t bytes = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        block = support_malloc(sizeof *block + bytes);
        *block = (ArenaBlock){.next = arena->head, .size = bytes};
        arena->head = block;
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    return memset(memory, 0, size);
}

void *arena_array(Arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        support_out_of_memory();
    return arena_alloc(arena, bytes);
}

char *arena_text(Arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    if (len)
        memcpy(copy, text, len);
    return copy;
}

char *arena_copy(Arena *arena, const char *text)
{
    return arena_text(arena, text, strlen(text));
}

const char **arena_copies(Arena *arena, const char *const *texts, size_t count)
{
    const char **copies = texts ? ARENA_ARRAY(arena, const char *, count) : NULL;
    for (size_t i = 0; texts && i < count; i++)
        copies[i] = arena_copy(arena, texts[i]);
    return copies;
}

char *arena_vprintf(Arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *text = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}

char *arena_printf(Arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

void arena_free(Arena *arena)
{
    while (arena->head) {
        ArenaBlock *next = arena->head->next;
        free(arena->head);
        arena->head = next;
    }
}

void vec_reserve_(void **data, uint32_t *cap, uint32_t need, size_t size)
{
    if (need <= *cap)
        return;
    uint32_t grown = *cap > UINT32_MAX / 2 ? UINT32_MAX : *cap * 2;
    if (grown < 8)
        grown = 8;
    if (grown < need)
        grown = need;
    size_t bytes;
    if (__builtin_mul_overflow((size_t)grown, size, &bytes))
        support_out_of_memory();
    *data = support_realloc(*data, bytes);
    *cap = grown;
}

static void text_reserve(Text *text, size_t more)
{
    size_t need;
    if (__builtin_add_overflow(text->len, more, &need) || __builtin_add_overflow(need, 1, &need))
        support_out_of_memory();
    if (need <= text->cap)
        return;
    size_t grown = text->cap > SIZE_MAX / 2 ? SIZE_MAX : text->cap * 2;
    text->cap = grown > need ? grown : need < 64 ? 64 : need;
    text->data = support_realloc(text->data, text->cap);
}

void text_append(Text *text, const char *bytes, size_t len)
{
    text_reserve(text, len);
    if (len)
        memcpy(text->data + text->len, bytes, len);
    text->len += len;
    text->data[text->len] = 0;
}

void text_printf(Text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    text_reserve(text, (size_t)len);
    vsnprintf(text->data + text->len, (size_t)len + 1, format, again);
    text->len += (size_t)len;
    va_end(again);
    va_end(args);
}

void text_free(Text *text)
{
    free(text->data);
    *text = (Text){0};
}
