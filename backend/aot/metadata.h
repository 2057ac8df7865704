/* What an object says of itself. */
#ifndef HNC_BACKEND_AOT_METADATA_H
#define HNC_BACKEND_AOT_METADATA_H

#include "backend/aot/interface.h"
#include "backend/emit.h"

/* The declarations of hnc_tensor, hnc_export and hnc_model, for headers. */
extern const char aot_model_types[];
/* Emits `const hnc_model *NAME_model(void)` and all that it points at. */
void aot_emit_metadata(Emitter *e, const Interface *interface);

#endif
