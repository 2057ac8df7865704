/* The data files of tests/runtime/toy_model.c. */
#ifndef HN_TESTS_TOY_DATA_H
#define HN_TESTS_TOY_DATA_H

/* Writes toy-x.gz and toy-y, 140 examples, into the existing folder. */
void write_toy_data(const char *folder);

#endif
