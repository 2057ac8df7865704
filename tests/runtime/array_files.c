#include "tests/runtime/array_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>

#include "tests/runtime/run_command.h"

void blob_add(Blob *blob, const void *bytes, size_t size)
{
    blob->bytes = realloc(blob->bytes, blob->size + size + 1);
    assert_non_null(blob->bytes);
    if (size)
        memcpy(blob->bytes + blob->size, bytes, size);
    blob->size += size;
}

static void add_number(Blob *blob, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        unsigned char byte = i < 8 ? (unsigned char)(value >> 8 * i) : 0;
        blob_add(blob, &byte, 1);
    }
}

Blob npy_blob(int major, const char *dictionary, const void *elements, size_t size)
{
    Blob blob = {0};
    const unsigned char version[2] = {(unsigned char)major, 0};
    blob_add(&blob, "\x93NUMPY", 6);
    blob_add(&blob, version, 2);
    add_number(&blob, strlen(dictionary), major == 1 ? 2 : 4);
    blob_add(&blob, dictionary, strlen(dictionary));
    blob_add(&blob, elements, size);
    return blob;
}

void write_blob(const char *path, Blob blob)
{
    write_file(path, blob.bytes, blob.size);
    free(blob.bytes);
}

static Blob deflate_blob(Blob content)
{
    Blob packed = {0};
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t most = deflateBound(&z, content.size);
    packed.bytes = malloc(most + 1);
    z.next_in = content.bytes;
    z.avail_in = (unsigned)content.size;
    z.next_out = packed.bytes;
    z.avail_out = (unsigned)most;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    packed.size = most - z.avail_out;
    deflateEnd(&z);
    return packed;
}

/* The fields that both records of a member share, from the version on; `wide`: the sizes stand elsewhere. */
static void add_common(Blob *blob, const Member *member, bool deflated, size_t packed, bool wide)
{
    add_number(blob, wide ? 45 : 20, 2);
    add_number(blob, 0, 2); /* flags */
    add_number(blob, deflated ? 8 : 0, 2);
    add_number(blob, 0, 4); /* time and date */
    add_number(blob, crc32(0, member->content.bytes, (unsigned)member->content.size), 4);
    add_number(blob, wide ? UINT32_MAX : packed, 4);
    add_number(blob, wide ? UINT32_MAX : member->content.size, 4);
    add_number(blob, strlen(member->name), 2);
}

static void add_wide(Blob *blob, const Member *member, size_t packed, const size_t *offset)
{
    add_number(blob, 0x7075, 2); /* an extra part of another kind, which is passed */
    add_number(blob, 1, 2);
    add_number(blob, 0, 1);
    add_number(blob, 1, 2);
    add_number(blob, offset ? 24 : 16, 2);
    add_number(blob, member->content.size, 8);
    add_number(blob, packed, 8);
    if (offset)
        add_number(blob, *offset, 8);
}

static void add_local(Blob *zip, const Member *member, Blob packed, bool deflated, bool zip64)
{
    blob_add(zip, "PK\3\4", 4);
    add_common(zip, member, deflated, packed.size, zip64);
    add_number(zip, zip64 ? 25 : 0, 2);
    blob_add(zip, member->name, strlen(member->name));
    if (zip64)
        add_wide(zip, member, packed.size, NULL);
    blob_add(zip, packed.bytes, packed.size);
}

static void add_entry(Blob *directory, const Member *member, size_t packed, bool deflated, bool zip64, size_t offset)
{
    blob_add(directory, "PK\1\2", 4);
    add_number(directory, 45, 2);
    add_common(directory, member, deflated, packed, zip64);
    add_number(directory, zip64 ? 33 : 0, 2);
    add_number(directory, 0, 2 + 2 + 2 + 4); /* comment, disk, attributes */
    add_number(directory, zip64 ? UINT32_MAX : offset, 4);
    blob_add(directory, member->name, strlen(member->name));
    if (zip64)
        add_wide(directory, member, packed, &offset);
}

static void add_end(Blob *zip, size_t count, size_t size, size_t offset, bool zip64)
{
    size_t end = zip->size;
    if (zip64) {
        blob_add(zip, "PK\6\6", 4);
        add_number(zip, 44, 8);
        add_number(zip, 45, 2);
        add_number(zip, 45, 2);
        add_number(zip, 0, 8); /* disks */
        add_number(zip, count, 8);
        add_number(zip, count, 8);
        add_number(zip, size, 8);
        add_number(zip, offset, 8);
        blob_add(zip, "PK\6\7", 4);
        add_number(zip, 0, 4);
        add_number(zip, end, 8);
        add_number(zip, 1, 4);
    }
    blob_add(zip, "PK\5\6", 4);
    add_number(zip, 0, 4); /* disks */
    add_number(zip, zip64 ? UINT16_MAX : count, 2);
    add_number(zip, zip64 ? UINT16_MAX : count, 2);
    add_number(zip, zip64 ? UINT32_MAX : size, 4);
    add_number(zip, zip64 ? UINT32_MAX : offset, 4);
    add_number(zip, 4, 2);
    blob_add(zip, "note", 4); /* a comment */
}

Blob zip_blob(const Member *members, size_t count, bool deflated, bool zip64)
{
    Blob zip = {0}, directory = {0};
    for (size_t i = 0; i < count; i++) {
        Blob packed = deflated ? deflate_blob(members[i].content) : members[i].content;
        size_t offset = zip.size;
        add_local(&zip, &members[i], packed, deflated, zip64);
        add_entry(&directory, &members[i], packed.size, deflated, zip64, offset);
        if (deflated)
            free(packed.bytes);
    }
    size_t offset = zip.size;
    blob_add(&zip, directory.bytes, directory.size);
    add_end(&zip, count, directory.size, offset, zip64);
    free(directory.bytes);
    return zip;
}
