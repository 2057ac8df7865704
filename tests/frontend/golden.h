/* Golden files: what a program prints, compared with a file beside its input. */
#ifndef TESTS_FRONTEND_GOLDEN_H
#define TESTS_FRONTEND_GOLDEN_H

/* Calls `print` for each NAME.hn of a folder in order of name and compares the text that it returns (heap) with NAME.EXTENSION.
 * With HNC_UPDATE_GOLDEN=1 in the environment the files are rewritten: read what changed. Fails the test below `least` files. */
void check_golden(const char *folder, const char *extension, int least, char *(*print)(const char *folder, const char *name));

#endif
