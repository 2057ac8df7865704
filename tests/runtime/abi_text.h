/* The version of the runtime's binary interface, for manifests that tests write by hand. */
#ifndef HN_TESTS_ABI_TEXT_H
#define HN_TESTS_ABI_TEXT_H

#include "runtime/abi/frame.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define ABI TEXT(HN_ABI_VERSION)

#endif
