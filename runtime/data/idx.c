/* The IDX format of MNIST and its kin: 0, 0, element type, rank, one big-endian 32-bit extent for each axis, then the elements,
 * big-endian. */
#include "runtime/core/report.h"
#include "runtime/data/arrays.h"

/* By the number that the header has. */
static const struct {
    unsigned char code;
    ElementKind kind;
} types[] = {{0x08, ELEMENT_U8},  {0x09, ELEMENT_I8},  {0x0b, ELEMENT_I16},
             {0x0c, ELEMENT_I32}, {0x0d, ELEMENT_F32}, {0x0e, ELEMENT_F64}};

static bool read_idx_header(ByteStream *stream, ArrayHeader *header)
{
    unsigned char magic[4], extents[4 * ARRAY_MOST_AXES];
    if (!bytes_read(stream, magic, sizeof magic))
        return false;
    if (magic[0] != 0 || magic[1] != 0 || magic[3] == 0)
        return report_error(
            "%s: not an IDX file: it begins with the bytes %02x %02x %02x %02x instead of 00 00, a type and the rank",
            stream->path, magic[0], magic[1], magic[2], magic[3]);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].code == magic[2])
            header->type = &element_types[types[i].kind];
    if (!header->type)
        return report_error("%s: holds IDX elements of type 0x%02x; the types of the format are 0x08, 0x09 and 0x0b to 0x0e",
                            stream->path, magic[2]);
    header->big_endian = true;
    header->rank = magic[3];
    header->bytes = 4 * (1 + (int64_t)header->rank);
    if (!bytes_read(stream, extents, 4 * header->rank))
        return false;
    for (unsigned i = 0; i < header->rank; i++)
        header->extents[i] = (int64_t)element_read(&element_types[ELEMENT_U32], true, extents + 4 * i);
    return true;
}

const Format idx_format = {FORMAT_OF_ARRAYS, .read_header = read_idx_header};
