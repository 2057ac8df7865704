/* NumPy's NPY format, versions 1.0 to 3.0, alone or as a member of an NPZ archive: 0x93 NUMPY, the version, the length of the
 * header, the header, which is a Python dictionary in text, and the elements. Source: numpy.lib.format. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/report.h"
#include "runtime/data/arrays.h"

enum { MOST_HEADER = 1 << 16 }; /* bytes; NumPy's own are of 128 */

/* By the letter and the digit of NumPy's name. */
static const struct {
    char name[3];
    ElementKind kind;
} types[] = {{"b1", ELEMENT_BOOL}, {"u1", ELEMENT_U8},  {"i1", ELEMENT_I8},  {"u2", ELEMENT_U16},
             {"i2", ELEMENT_I16},  {"u4", ELEMENT_U32}, {"i4", ELEMENT_I32}, {"u8", ELEMENT_U64},
             {"i8", ELEMENT_I64},  {"f2", ELEMENT_F16}, {"f4", ELEMENT_F32}, {"f8", ELEMENT_F64}};

/* ---- the dictionary ---- */

typedef struct Dictionary {
    const char *at; /* what is still to be read; NUL-terminated */
    const char *path;
    ArrayHeader *header;
} Dictionary;

static void skip_spaces(Dictionary *d)
{
    d->at += strspn(d->at, " \t\n");
}

/* Whether `text` comes next, which is then passed. */
static bool take(Dictionary *d, const char *text)
{
    skip_spaces(d);
    bool comes = strncmp(d->at, text, strlen(text)) == 0;
    d->at += comes ? strlen(text) : 0;
    return comes;
}

/* "..." or '...' without escapes. */
static bool take_text(Dictionary *d, char *text, size_t size)
{
    skip_spaces(d);
    char quote = *d->at;
    const char *end = quote == '\'' || quote == '"' ? strchr(d->at + 1, quote) : NULL;
    size_t length = end ? (size_t)(end - d->at) - 1 : size;
    if (length >= size)
        return false;
    memcpy(text, d->at + 1, length);
    text[length] = '\0';
    d->at = end + 1;
    return true;
}

/* The file's own words in a message: what does not print becomes '?'. */
static const char *excerpt(const char *from, char text[64])
{
    size_t length = strcspn(from, "\n") < 60 ? strcspn(from, "\n") : 60;
    for (size_t i = 0; i < length; i++)
        text[i] = from[i] < ' ' || from[i] > '~' ? '?' : from[i];
    text[length] = '\0';
    return text;
}

static bool refuse(const Dictionary *d, const char *problem)
{
    char text[64];
    return report_error("%s: its NPY header cannot be read: %s at '%s'", d->path, problem, excerpt(d->at, text));
}

/* 'descr': '<f4'. */
static bool read_type(Dictionary *d)
{
    char text[24], shown[64];
    skip_spaces(d);
    if (*d->at == '[' || *d->at == '(' || *d->at == '{')
        return report_error("%s: its elements are records, of NumPy's type %s: save one array of numbers for each field", d->path,
                            excerpt(d->at, shown));
    if (!take_text(d, text, sizeof text))
        return refuse(d, "a type is expected");
    if (text[0] == '|' && text[1] == 'O')
        return report_error("%s: holds a pickle of Python objects, not an array of numbers", d->path);
    for (size_t i = 0; strlen(text) == 3 && i < sizeof types / sizeof types[0]; i++)
        if (strncmp(text + 1, types[i].name, 2) == 0)
            d->header->type = &element_types[types[i].kind];
    bool order = strchr("<>", text[0]) || (text[0] == '|' && d->header->type && d->header->type->size == 1);
    if (!d->header->type || !order)
        return report_error(
            "%s: its elements are of NumPy's type '%s'; bool, whole numbers of 8 to 64 bits and floats of 16 to 64 "
            "are read",
            d->path, excerpt(text, shown));
    d->header->big_endian = text[0] == '>';
    return true;
}

static bool read_order(Dictionary *d)
{
    d->header->first_axis_fastest = take(d, "True");
    return d->header->first_axis_fastest || take(d, "False") || refuse(d, "True or False is expected");
}

/* (60000, 28, 28), (60000,) or (). Python 2 wrote 60000L. */
static bool read_shape(Dictionary *d)
{
    if (!take(d, "("))
        return refuse(d, "a shape is expected");
    for (d->header->rank = 0; !take(d, ")"); d->header->rank++) {
        int64_t extent = 0;
        skip_spaces(d);
        if (d->header->rank == ARRAY_MOST_AXES || *d->at < '0' || *d->at > '9')
            return refuse(d, "an extent is expected");
        for (; *d->at >= '0' && *d->at <= '9'; d->at++)
            if (__builtin_mul_overflow(extent, 10, &extent) || __builtin_add_overflow(extent, *d->at - '0', &extent))
                return report_error("%s: its NPY header promises an extent beyond 2^63", d->path);
        d->header->extents[d->header->rank] = extent;
        take(d, "L");
        skip_spaces(d);
        if (!take(d, ",") && *d->at != ')')
            return refuse(d, "a comma is expected");
    }
    return true;
}

/* Each key once, in any order; nothing but blanks after the dictionary. */
static bool read_dictionary(Dictionary *d)
{
    static const struct {
        const char *key;
        bool (*read)(Dictionary *d);
    } keys[] = {{"descr", read_type}, {"fortran_order", read_order}, {"shape", read_shape}};
    enum { KEYS = sizeof keys / sizeof keys[0] };
    bool seen[KEYS] = {false};
    char key[24];
    if (!take(d, "{"))
        return refuse(d, "a dictionary is expected");
    while (!take(d, "}")) {
        size_t k = 0;
        const char *begin = d->at;
        if (!take_text(d, key, sizeof key) || !take(d, ":"))
            return refuse(d, "a key is expected");
        while (k < KEYS && strcmp(keys[k].key, key) != 0)
            k++;
        if (k == KEYS || seen[k]) {
            d->at = begin;
            return refuse(d, "the keys descr, fortran_order and shape are expected, once each");
        }
        seen[k] = true;
        if (!keys[k].read(d))
            return false;
        skip_spaces(d);
        if (!take(d, ",") && *d->at != '}')
            return refuse(d, "a comma is expected");
    }
    skip_spaces(d);
    for (size_t k = 0; k < KEYS; k++)
        if (!seen[k])
            return report_error("%s: its NPY header has no '%s'", d->path, keys[k].key);
    return *d->at == '\0' || refuse(d, "the end is expected");
}

/* ---- the header ---- */

/* Reads the magic number, the version and the length of the dictionary. */
static bool read_preamble(ByteStream *stream, uint32_t *length, int64_t *bytes)
{
    unsigned char begin[8], size[4] = {0};
    if (!bytes_read(stream, begin, sizeof begin))
        return false;
    if (memcmp(begin, "PK\3\4", 4) == 0)
        return report_error("%s: is an archive: say which of its arrays is meant, as in \"digits.npz/images\"", stream->path);
    if (memcmp(begin, "\x93NUMPY", 6) != 0)
        return report_error("%s: not an NPY file: it begins with the bytes %02x %02x %02x %02x instead of 93 'NUMPY'",
                            stream->path, begin[0], begin[1], begin[2], begin[3]);
    if (begin[6] < 1 || begin[6] > 3 || begin[7] != 0)
        return report_error("%s: is of version %u.%u of NPY; 1.0, 2.0 and 3.0 are read", stream->path, begin[6], begin[7]);
    unsigned width = begin[6] == 1 ? 2 : 4;
    if (!bytes_read(stream, size, width))
        return false;
    *length = (uint32_t)element_read(&element_types[ELEMENT_U32], false, size);
    *bytes = (int64_t)sizeof begin + width + *length;
    return *length <= MOST_HEADER ||
           report_error("%s: its NPY header is said to have %u bytes; at most %d are read", stream->path, *length, MOST_HEADER);
}

static bool read_npy_header(ByteStream *stream, ArrayHeader *header)
{
    uint32_t length = 0;
    if (!read_preamble(stream, &length, &header->bytes))
        return false;
    char *text = calloc(length + 1, 1);
    Dictionary dictionary = {text, stream->path, header};
    bool fine = text || report_error("out of memory");
    fine = fine && bytes_read(stream, text, length);
    if (fine && memchr(text, '\0', length))
        fine = report_error("%s: its NPY header holds a NUL byte", stream->path);
    fine = fine && read_dictionary(&dictionary);
    free(text);
    return fine;
}

const Format npy_format = {FORMAT_OF_ARRAYS, .read_header = read_npy_header, .archive = ".npz", .member = ".npy"};
