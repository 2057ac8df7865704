/* Commands and flags of hnc, as tables. */
#ifndef HNC_DRIVER_COMMAND_LINE_H
#define HNC_DRIVER_COMMAND_LINE_H

#include "driver/driver.h"

typedef enum {
#define COMMAND(name, ...) COMMAND_##name,
#include "driver/commands.def"
#undef COMMAND
    COMMAND_COUNT
} CommandKind;

typedef struct CommandInfo {
    const char *name, *operand, *summary;
    int (*run)(const Options *options);
} CommandInfo;
extern const CommandInfo command_table[COMMAND_COUNT];
/* The command of that name, or NULL. */
const CommandInfo *find_command(const char *name);

typedef enum {
#define FLAG(KEY, ...) FLAG_##KEY,
#include "driver/flags.def"
#undef FLAG
    FLAG_COUNT
} FlagKey;

typedef struct FlagInfo {
    const char *name; /* without --; "": it has only a letter */
    int letter;       /* 0: it has none */
    const char *value, *help;
    unsigned commands; /* set of 1 << CommandKind */
} FlagInfo;
extern const FlagInfo flag_table[FLAG_COUNT];
/* "--batch N", "-O0..3", as usage shows it; for the arena. */
const char *flag_text(Arena *arena, const FlagInfo *flag);

/* What --help prints: of one command, or the overview (NULL). */
void print_help(FILE *file, const CommandInfo *command);

#endif
