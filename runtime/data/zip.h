/* One member of a zip archive: stored or deflated, of any size (zip64). Not read: encrypted members, other ways of compression,
 * archives in several parts. Nothing that the archive says of itself is believed: no memory is allocated by its figures, and no
 * byte outside it is read. Source: PKWARE, APPNOTE.TXT, version 6.3. */
#ifndef HN_DATA_ZIP_H
#define HN_DATA_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DEFLATE cannot expand further (a 258-byte match in 2 bits), so a longer promise than this is a truncated or foreign file. */
enum { DEFLATE_MOST_EXPANSION = 1032 };

typedef struct ZipMember ZipMember;

/* Finds the member whose name is NAME and then `suffix`; of several with this name, the last. NULL (reported) where there is no
 * such member, or the archive is damaged. */
ZipMember *zip_open(const char *archive, const char *name, const char *suffix);
void zip_close(ZipMember *member); /* NULL: nothing */
/* The most bytes that the member can have, as its compressed data is no longer than the archive. */
int64_t zip_most_bytes(const ZipMember *member, bool *compressed);
/* How many bytes are still to come, as the archive's directory says. */
uint64_t zip_left(const ZipMember *member);
/* Reads exactly `size` <= zip_left bytes; false, and what is wrong in *problem, where the data is damaged. */
bool zip_read(ZipMember *member, unsigned char *bytes, size_t size, const char **problem);
/* After all bytes: whether the data ends there, too, and has the checksum of the directory. */
bool zip_check_end(ZipMember *member, const char **problem);

#endif
