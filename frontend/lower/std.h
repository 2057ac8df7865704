/* The layer library, std.hn, embedded as text at build time. */
#ifndef HNC_FRONTEND_STD_H
#define HNC_FRONTEND_STD_H

#include "support/diagnostics.h"

extern const Source std_source;

#endif
