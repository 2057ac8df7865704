/* The declarations of a file, as compile.c walks over them. */
#ifndef HNC_FRONTEND_DECLARE_H
#define HNC_FRONTEND_DECLARE_H

#include "frontend/lower/lower.h"

void lower_all_data(Session *s);                /* data.c */
void lower_train(Session *s, const Decl *decl); /* train.c */
/* At the end of a train's walk: bilevel and pareto must have weights that respond to the conditions that they take. */
void check_response(Session *s, const Decl *decl);
/* After check_response: errors where the train would train nothing, warnings where it would train something in vain
 * (check_training.c). */
void check_training(Session *s, const Decl *decl);
void lower_export(Session *s, const Decl *decl); /* export.c */
/* At the end of a walk: an export that depends on a condition without a first value takes it as an argument. */
void check_export(Session *s, const Decl *decl);

/* ---- check_exports.c ---- */

/* After check_training: remembers the weights that the losses of the train read. */
void note_trained(Session *s);
/* Once all trains were lowered: warns where this export of the model reads weights that none of them does. */
void check_exported_weights(ModelFile *file, const Model *model, const Decl *decl);

/* ---- check_unused.c ---- */

/* Gives constants the values of -D options. */
void apply_defines(Session *s);
/* Evaluates objectives and nets that nothing uses, as far as possible, to report their errors. */
void check_unused(Session *s);

/* Enters the file's constants into the model, and forgets in its optimizers those that a run may not change (run_constants.c). At
 * the end of a walk. */
void find_run_constants(Session *s);

#endif
