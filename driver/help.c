/* The tables of commands and flags, and what --help makes of them. */
#include <string.h>

#include "driver/command_line.h"
#include "support/wrap.h"

const CommandInfo command_table[COMMAND_COUNT] = {
#define COMMAND(name, operand, summary) {#name, operand, summary, command_##name},
#include "driver/commands.def"
#undef COMMAND
};

/* Sets of commands, for the rows of flags.def. */
enum {
    BUILD = 1 << COMMAND_build,
    RUN = 1 << COMMAND_run,
    AOT = 1 << COMMAND_aot,
    CHECK = 1 << COMMAND_check,
    EXPLAIN = 1 << COMMAND_explain,
    OPT = 1 << COMMAND_opt
};

const FlagInfo flag_table[FLAG_COUNT] = {
#define FLAG(KEY, name, letter, value, commands, help) {name, letter, value, help, commands},
#include "driver/flags.def"
#undef FLAG
};

const CommandInfo *find_command(const char *name)
{
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(command_table[i].name, name) == 0)
            return &command_table[i];
    return NULL;
}

const char *flag_text(Arena *arena, const FlagInfo *flag)
{
    const char *value = flag->value ? flag->value : "";
    if (flag->letter && flag->value)
        return arena_printf(arena, flag->letter == 'O' ? "-%c%s" : "-%c %s", flag->letter, value);
    return arena_printf(arena, "--%s%s%s", flag->name, flag->value ? "=" : "", value);
}

enum { WIDTH = 100 }; /* columns of a terminal */

static void print_flag(FILE *file, Arena *arena, const FlagInfo *flag)
{
    enum { MARGIN = 27 };
    const char *text = flag_text(arena, flag);
    fprintf(file, "  %-*s ", MARGIN - 3, text);
    if (strlen(text) > MARGIN - 3)
        fprintf(file, "\n%*s", MARGIN, "");
    print_wrapped(file, flag->help, MARGIN, WIDTH);
}

static void print_passes(FILE *file)
{
    fputs("Passes:\n", file);
    for (uint32_t i = 0; i < pass_count; i++)
        fprintf(file, "  %-18s %s\n", pass_table[i].name, pass_table[i].summary);
}

static void print_warnings(FILE *file)
{
    fputs("Warnings:\n", file);
    for (unsigned kind = 0; kind < WARNING_COUNT; kind++)
        fprintf(file, "  W%u %-18s %s\n", warning_table[kind].number, warning_table[kind].name, warning_table[kind].summary);
}

static bool takes(const CommandInfo *command, FlagKey flag)
{
    return flag_table[flag].commands >> (command - command_table) & 1;
}

static void print_command_help(FILE *file, Arena *arena, const CommandInfo *command)
{
    bool run = command == &command_table[COMMAND_run];
    fprintf(file, "usage: hnc %s %s [flags]%s\n\n", command->name, command->operand, run ? " [-- FLAGS]" : "");
    print_wrapped(file, command->summary, 0, WIDTH);
    fputs("\n", file);
    for (int flag = 0; flag < FLAG_COUNT; flag++)
        if (takes(command, (FlagKey)flag))
            print_flag(file, arena, &flag_table[flag]);
    if (takes(command, FLAG_WARNING)) {
        fputs("\n", file);
        print_warnings(file);
    }
    if (takes(command, FLAG_PASSES) || takes(command, FLAG_PRINT_AFTER)) {
        fputs("\n", file);
        print_passes(file);
    }
}

/* "build, check, run" */
static void print_commands(FILE *file, unsigned commands)
{
    const char *between = "";
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (commands >> i & 1) {
            fprintf(file, "%s%s", between, command_table[i].name);
            between = ", ";
        }
    fputs(":\n", file);
}

static void print_overview(FILE *file, Arena *arena)
{
    enum { MARGIN = 25 };
    fputs("hnc: compiles hypernetwork models (.hn) to native training programs\n\n", file);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        const CommandInfo *command = &command_table[i];
        fprintf(file, "  %-*s ", MARGIN - 3, arena_printf(arena, "hnc %s %s", command->name, command->operand));
        print_wrapped(file, command->summary, MARGIN, WIDTH);
    }
    fputs("  hnc COMMAND --help     says which flags the command takes\n  hnc --version, --help\n\n", file);
    unsigned commands = 0;
    for (int flag = 0; flag < FLAG_HELP; flag++) {
        if (flag_table[flag].commands != commands)
            print_commands(file, flag_table[flag].commands);
        commands = flag_table[flag].commands;
        print_flag(file, arena, &flag_table[flag]);
    }
    fputs("\n", file);
    print_passes(file);
    print_warnings(file);
    fputs("\nA built program has commands of its own: ./PROGRAM --help.\n"
          "Exit status: 0 fine, 1 an error in the input or the system, 2 wrong usage.\n",
          file);
}

void print_help(FILE *file, const CommandInfo *command)
{
    Arena arena = {0};
    if (command)
        print_command_help(file, &arena, command);
    else
        print_overview(file, &arena);
    arena_free(&arena);
}
