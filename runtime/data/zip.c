#include "runtime/data/zip.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "runtime/core/report.h"

enum { ENCRYPTED = 1 };            /* flags */
enum { STORED = 0, DEFLATED = 8 }; /* methods */
enum {
    END_SIZE = 22,
    LOCATOR_SIZE = 20,
    END64_SIZE = 56,
    ENTRY_SIZE = 46,
    LOCAL_SIZE = 30
}; /* bytes of the records' fixed parts */
enum { BUFFER = 1 << 16, MOST_COMMENT = UINT16_MAX, NAMES_SHOWN = 160 };

struct ZipMember {
    int descriptor;
    int64_t file_size;
    uint16_t flags, method;
    uint32_t expected_sum, sum;
    uint64_t packed, size;   /* bytes in the archive, and without compression */
    uint64_t local, at, end; /* in the archive: the member's local record, its next byte of data, and the end of its data */
    uint64_t done;           /* bytes without compression */
    z_stream inflater;
    bool inflating, inflated; /* begun; came to the end of the compressed data */
    unsigned char buffer[BUFFER];
};

/* ---- little-endian records ---- */

static uint64_t number(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    while (size > 0)
        value = value << 8 | bytes[--size];
    return value;
}

/* Reads bytes [at, at + size) of the archive; false if it does not have them. */
static bool read_at(const ZipMember *zip, uint64_t at, void *bytes, size_t size)
{
    unsigned char *next = bytes;
    if (at > (uint64_t)zip->file_size || size > (uint64_t)zip->file_size - at)
        return false;
    while (size > 0) {
        ssize_t got = pread(zip->descriptor, next, size, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        next += got;
        at += (uint64_t)got;
        size -= (size_t)got;
    }
    return true;
}

static bool is_record(const unsigned char *bytes, char kind, char of_kind)
{
    return bytes[0] == 'P' && bytes[1] == 'K' && bytes[2] == (unsigned char)kind && bytes[3] == (unsigned char)of_kind;
}

/* ---- the directory ---- */

typedef struct Directory {
    uint64_t at, end;
} Directory;

/* Where the record at the end of the archive begins, which a comment may follow; -1 without one. */
static int64_t find_end(ZipMember *zip)
{
    int64_t first = zip->file_size - END_SIZE - MOST_COMMENT > 0 ? zip->file_size - END_SIZE - MOST_COMMENT : 0;
    unsigned char record[END_SIZE];
    for (int64_t window = zip->file_size - END_SIZE; window >= first; window -= BUFFER - 3) {
        int64_t begin = window - (BUFFER - 4) > first ? window - (BUFFER - 4) : first;
        if (!read_at(zip, (uint64_t)begin, zip->buffer, (size_t)(window - begin) + 4))
            return -1;
        for (int64_t at = window; at >= begin; at--)
            if (is_record(zip->buffer + (at - begin), 5, 6) && read_at(zip, (uint64_t)at, record, sizeof record) &&
                at + END_SIZE + (int64_t)number(record + 20, 2) == zip->file_size)
                return at;
    }
    return -1;
}

/* The directory lies before the record at the end, and before its zip64 companion where numbers do not fit into the former. */
static bool find_directory(ZipMember *zip, Directory *directory)
{
    unsigned char record[END64_SIZE], locator[LOCATOR_SIZE];
    int64_t end = find_end(zip);
    if (end < 0 || !read_at(zip, (uint64_t)end, record, END_SIZE))
        return false;
    uint64_t size = number(record + 12, 4), at = number(record + 16, 4), limit = (uint64_t)end;
    if (number(record + 10, 2) == UINT16_MAX || size == UINT32_MAX || at == UINT32_MAX) {
        if (end < LOCATOR_SIZE || !read_at(zip, (uint64_t)end - LOCATOR_SIZE, locator, sizeof locator) ||
            !is_record(locator, 6, 7))
            return false;
        limit = number(locator + 8, 8);
        if (!read_at(zip, limit, record, sizeof record) || !is_record(record, 6, 6))
            return false;
        size = number(record + 40, 8);
        at = number(record + 48, 8);
    }
    *directory = (Directory){at, at + size};
    return at <= limit && size <= limit - at;
}

/* The numbers that did not fit into 32 bits, from the extra part of the directory's entry. */
static bool read_zip64(ZipMember *zip, uint64_t at, size_t size)
{
    uint64_t *const wide[] = {&zip->size, &zip->packed, &zip->local};
    if (zip->size != UINT32_MAX && zip->packed != UINT32_MAX && zip->local != UINT32_MAX)
        return true;
    if (size > BUFFER || !read_at(zip, at, zip->buffer, size))
        return false;
    const unsigned char *extra = zip->buffer, *end = extra + size;
    while (end - extra >= 4) {
        uint64_t length = number(extra + 2, 2);
        if (length > (uint64_t)(end - extra - 4))
            return false;
        const unsigned char *value = extra + 4, *last = value + length;
        if (number(extra, 2) == 1) {
            for (size_t i = 0; i < 3; i++)
                if (*wide[i] == UINT32_MAX) {
                    if (last - value < 8)
                        return false;
                    *wide[i] = number(value, 8);
                    value += 8;
                }
            return true;
        }
        extra = last;
    }
    return false;
}

/* Whether the entry's name is NAME and then `suffix`. */
static bool has_name(const ZipMember *zip, uint64_t at, size_t length, const char *name, const char *suffix)
{
    char found[256];
    size_t first = strlen(name), all = first + strlen(suffix);
    if (length != all)
        return false;
    for (size_t done = 0, part; done < all; done += part) {
        part = all - done < sizeof found ? all - done : sizeof found;
        if (!read_at(zip, at + done, found, part))
            return false;
        for (size_t i = 0; i < part; i++)
            if (found[i] != (done + i < first ? name[done + i] : suffix[done + i - first]))
                return false;
    }
    return true;
}

/* Adds the name of an entry, without the suffix, to those that a message shows. */
static void show_name(const ZipMember *zip, uint64_t at, size_t length, const char *suffix, char shown[NAMES_SHOWN])
{
    char name[64];
    size_t used = strlen(shown), ending = strlen(suffix);
    if (length >= sizeof name || used + length + 8 > NAMES_SHOWN || !read_at(zip, at, name, length)) {
        if (used + 8 <= NAMES_SHOWN && (used < 3 || strcmp(shown + used - 3, "...") != 0))
            snprintf(shown + used, NAMES_SHOWN - used, "%s...", used ? ", " : "");
        return;
    }
    bool ends = length >= ending && memcmp(name + length - ending, suffix, ending) == 0;
    name[ends ? length - ending : length] = '\0';
    for (char *c = name; *c; c++)
        *c = *c < ' ' || *c > '~' ? '?' : *c;
    snprintf(shown + used, NAMES_SHOWN - used, "%s%s", used ? ", " : "", name);
}

/* Finds the member in the directory: 1, or 0 without one, or -1 where the directory is damaged. */
static int find_entry(ZipMember *zip, Directory directory, const char *name, const char *suffix, char shown[NAMES_SHOWN])
{
    unsigned char entry[ENTRY_SIZE];
    int found = 0;
    while (directory.at < directory.end) {
        if (directory.end - directory.at < ENTRY_SIZE || !read_at(zip, directory.at, entry, sizeof entry) ||
            !is_record(entry, 1, 2))
            return -1;
        size_t name_size = number(entry + 28, 2), extra_size = number(entry + 30, 2);
        uint64_t next = directory.at + ENTRY_SIZE + name_size + extra_size + number(entry + 32, 2);
        if (next > directory.end)
            return -1;
        if (has_name(zip, directory.at + ENTRY_SIZE, name_size, name, suffix)) {
            zip->flags = (uint16_t)number(entry + 8, 2);
            zip->method = (uint16_t)number(entry + 10, 2);
            zip->expected_sum = (uint32_t)number(entry + 16, 4);
            zip->packed = number(entry + 20, 4);
            zip->size = number(entry + 24, 4);
            zip->local = number(entry + 42, 4);
            if (!read_zip64(zip, directory.at + ENTRY_SIZE + name_size, extra_size))
                return -1;
            found = 1;
        } else {
            show_name(zip, directory.at + ENTRY_SIZE, name_size, suffix, shown);
        }
        directory.at = next;
    }
    return found;
}

/* ---- one member ---- */

/* Where the data of the member lies; false if that is not within the archive. */
static bool find_data(ZipMember *zip)
{
    unsigned char local[LOCAL_SIZE];
    if (!read_at(zip, zip->local, local, sizeof local) || !is_record(local, 3, 4))
        return false;
    zip->at = zip->local + LOCAL_SIZE + number(local + 26, 2) + number(local + 28, 2);
    if (zip->at > (uint64_t)zip->file_size || zip->packed > (uint64_t)zip->file_size - zip->at)
        return false;
    zip->end = zip->at + zip->packed;
    return zip->method != STORED || zip->packed == zip->size;
}

static bool open_member(ZipMember *zip, const char *archive, const char *name, const char *suffix)
{
    Directory directory;
    char shown[NAMES_SHOWN] = "";
    if (!find_directory(zip, &directory))
        return report_error("%s: not a zip archive, or a truncated one: its directory is not at its end", archive);
    int found = find_entry(zip, directory, name, suffix, shown);
    if (found == 0)
        return report_error("%s: the archive has no member '%s%s'; it has %s", archive, name, suffix, *shown ? shown : "none");
    if (found > 0 && (zip->flags & ENCRYPTED))
        return report_error("%s/%s: is encrypted", archive, name);
    if (found > 0 && zip->method != STORED && zip->method != DEFLATED)
        return report_error("%s/%s: is compressed in a way (zip method %u) that is not read: stored and deflated members are",
                            archive, name, zip->method);
    if (found < 0 || !find_data(zip))
        return report_error("%s: damaged: its directory does not agree with the archive", archive);
    zip->inflating = zip->method == DEFLATED && inflateInit2(&zip->inflater, -MAX_WBITS) == Z_OK;
    return zip->method == STORED || zip->inflating || report_error("out of memory");
}

ZipMember *zip_open(const char *archive, const char *name, const char *suffix)
{
    struct stat status;
    ZipMember *zip = calloc(1, sizeof *zip);
    if (!zip) {
        report_error("out of memory");
        return NULL;
    }
    zip->sum = (uint32_t)crc32(0, NULL, 0);
    zip->descriptor = open(archive, O_RDONLY | O_CLOEXEC);
    bool fine = zip->descriptor >= 0 && fstat(zip->descriptor, &status) == 0;
    if (!fine)
        report_error("%s: cannot be opened: %s", archive, strerror(errno));
    zip->file_size = fine ? status.st_size : 0;
    if (fine && open_member(zip, archive, name, suffix))
        return zip;
    zip_close(zip);
    return NULL;
}

void zip_close(ZipMember *zip)
{
    if (!zip)
        return;
    if (zip->inflating)
        inflateEnd(&zip->inflater);
    if (zip->descriptor >= 0)
        close(zip->descriptor);
    free(zip);
}

int64_t zip_most_bytes(const ZipMember *zip, bool *compressed)
{
    uint64_t most = zip->packed > INT64_MAX / DEFLATE_MOST_EXPANSION ? INT64_MAX : zip->packed * DEFLATE_MOST_EXPANSION;
    *compressed = zip->method == DEFLATED && most < zip->size;
    return (int64_t)(zip->size < most ? zip->size : most);
}

uint64_t zip_left(const ZipMember *zip)
{
    return zip->size - zip->done;
}

/* Up to `size` bytes of what comes next; 0: the compressed data has ended. -1: damaged. */
static int64_t inflate_some(ZipMember *zip, unsigned char *bytes, size_t size)
{
    z_stream *z = &zip->inflater;
    unsigned part = size < (1u << 30) ? (unsigned)size : 1u << 30;
    z->next_out = bytes;
    z->avail_out = part;
    while (!zip->inflated && z->avail_out == part) {
        if (z->avail_in == 0) {
            size_t fresh = zip->end - zip->at < BUFFER ? (size_t)(zip->end - zip->at) : BUFFER;
            if (fresh == 0 || !read_at(zip, zip->at, zip->buffer, fresh))
                return -1;
            zip->at += fresh;
            z->next_in = zip->buffer;
            z->avail_in = (unsigned)fresh;
        }
        int code = inflate(z, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return -1;
        zip->inflated = code == Z_STREAM_END;
    }
    return part - z->avail_out;
}

static const char damaged[] = "damaged: its compressed data is not what the archive's directory says";

bool zip_read(ZipMember *zip, unsigned char *bytes, size_t size, const char **problem)
{
    while (size > 0) {
        size_t part = size < BUFFER ? size : BUFFER; /* small enough to be in a near cache when its checksum is computed */
        if (zip->method == DEFLATED) {
            int64_t got = inflate_some(zip, bytes, part);
            if (got <= 0) {
                *problem = damaged;
                return false;
            }
            part = (size_t)got;
        } else {
            if (!read_at(zip, zip->at, bytes, part)) {
                *problem = "cannot be read";
                return false;
            }
            zip->at += part;
        }
        zip->sum = (uint32_t)crc32(zip->sum, bytes, (unsigned)part);
        zip->done += part;
        bytes += part;
        size -= part;
    }
    return true;
}

bool zip_check_end(ZipMember *zip, const char **problem)
{
    unsigned char extra;
    if (zip->method == DEFLATED && (inflate_some(zip, &extra, 1) != 0 || zip->inflater.avail_in > 0 || zip->at != zip->end)) {
        *problem = damaged;
        return false;
    }
    *problem = "damaged: its checksum is not that of the archive's directory";
    return zip->sum == zip->expected_sum;
}
