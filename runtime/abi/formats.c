#include "runtime/abi/formats.h"

const char *const format_names[FORMAT_COUNT] = {
#define FORMAT(KIND, word, files, test_files) #word,
#include "runtime/abi/formats.def"
#undef FORMAT
};

const FormatTraits format_traits[FORMAT_COUNT] = {
#define FORMAT(KIND, word, files, test_files) {FILES_##files, test_files},
#include "runtime/abi/formats.def"
#undef FORMAT
};
