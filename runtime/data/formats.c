#include "runtime/data/format.h"

#define FORMAT(KIND, word, files, test_files) extern const Format word##_format;
#include "runtime/abi/formats.def"
#undef FORMAT

const Format *const formats[FORMAT_COUNT] = {
#define FORMAT(KIND, word, files, test_files) &word##_format,
#include "runtime/abi/formats.def"
#undef FORMAT
};
