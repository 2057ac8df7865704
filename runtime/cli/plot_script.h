/* Scripts for gnuplot: what the pictures of a run share. */
#ifndef HN_RUNTIME_PLOT_SCRIPT_H
#define HN_RUNTIME_PLOT_SCRIPT_H

#include <stdbool.h>
#include <stdio.h>

/* A script for gnuplot: an unnamed file, for plot_render() or fclose(). It draws an SVG of that size in pixels or, if the name of
 * the picture ends in .png, a PNG of twice that size, for sharp letters. NULL (reported) on failure. */
FILE *plot_begin(const char *picture, int width, int height);
/* Writes a text as gnuplot reads it, in quotes; what could end a line becomes a blank. */
void plot_text(FILE *script, const char *text);
/* Leaves out the middle of a text of more than so many letters: names of runs and of metrics differ at both ends. */
void plot_clip(char *text, size_t letters);
/* The same as plot_text for a title: broken behind commas and colons into lines of at most so many letters, if it can be. Returns
 * their number. */
int plot_title(FILE *script, const char *text, size_t letters);
/* The distance between labels on an axis of that width: 1, 2 or 5 times a power of ten, so large that there are at most `most`
 * labels and no two run into each other. */
double plot_step(double width, double most);
/* Runs gnuplot on the script, closes it and replaces `picture` (runtime/data/files.h). Errors are reported. */
bool plot_render(FILE *script, const char *picture);

/* Colours that stand out on white and that the colour-blind can tell apart (Okabe & Ito 2008). */
enum { PLOT_COLOURS = 7 };
extern const char *const plot_colours[PLOT_COLOURS];

#endif
