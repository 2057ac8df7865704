/* The formats of data sets (formats.def), as compiler and runtime know them. */
#ifndef HN_ABI_FORMATS_H
#define HN_ABI_FORMATS_H

#include <stdbool.h>

typedef enum {
#define FORMAT(KIND, word, files, test_files) FORMAT_##KIND,
#include "runtime/abi/formats.def"
#undef FORMAT
} FormatKind;

enum {
    FORMAT_COUNT = 0
#define FORMAT(KIND, word, files, test_files) +1
#include "runtime/abi/formats.def"
#undef FORMAT
};

/* How files go with the fields of a data set. */
typedef enum { FILES_NONE, FILES_FIELDS, FILES_COLUMNS, FILES_RECORDS, FILES_FOLDERS, FILES_TEXTS } FilesKind;

typedef struct FormatTraits {
    FilesKind files;
    bool test_files; /* a data set may have test files */
} FormatTraits;

extern const char *const format_names[FORMAT_COUNT]; /* the words: "idx" ... */
extern const FormatTraits format_traits[FORMAT_COUNT];

#endif
