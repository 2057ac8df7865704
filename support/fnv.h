/* FNV-1a of 64 bits: a hash that tells texts apart; it does not withstand an attacker who wants two texts to be equal. Source:
 * Fowler, Noll and Vo, draft-eastlake-fnv. This header includes nothing of the project and has nothing to link. */
#ifndef HN_SUPPORT_FNV_H
#define HN_SUPPORT_FNV_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The hash of no bytes. */
#define FNV_EMPTY UINT64_C(0xCBF29CE484222325)

/* Continues a hash: these bytes come after the ones that `hash` is of. */
static inline uint64_t fnv_bytes(uint64_t hash, const void *bytes, size_t size)
{
    for (const unsigned char *b = bytes; size > 0; size--)
        hash = (hash ^ *b++) * UINT64_C(0x100000001B3);
    return hash;
}

/* The same of a text with the NUL at its end, so that texts one behind the other do not run into each other. */
static inline uint64_t fnv_text(uint64_t hash, const char *text)
{
    return fnv_bytes(hash, text, strlen(text) + 1);
}

#endif
