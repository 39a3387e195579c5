#include "script.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char blanks[] = " \t";

bool read_script(int file, struct script *script)
{
    char line[SCRIPT_LINE];
    ssize_t size = pread(file, line, sizeof line - 1, 0);
    char *at = line + 2;
    size_t length;

    if (size < 2 || strncmp(line, "#!", 2) != 0)
        return false;
    line[size] = '\0';
    line[strcspn(line, "\n")] = '\0';
    for (length = strlen(line); length > 2 && strchr(blanks, line[length - 1]); length--)
        line[length - 1] = '\0';
    at += strspn(at, blanks);
    length = strcspn(at, blanks);
    snprintf(script->interpreter, sizeof script->interpreter, "%.*s", (int)length, at);
    at += length;
    snprintf(script->argument, sizeof script->argument, "%s", at + strspn(at, blanks));
    return true;
}

/* The options of one word, such as -i or -vS. Returns what is behind the S, which splits the rest
 * into words; NULL if none does. */
static const char *read_env_letters(const char *word, bool *empties)
{
    for (word++; *word && !strchr(blanks, *word); word++) {
        if (*word == 'S')
            return word + 1;
        *empties |= *word == 'i';
    }
    return NULL;
}

static const char *next_word(const char *text, char word[SCRIPT_LINE])
{
    text += strspn(text, blanks);
    snprintf(word, SCRIPT_LINE, "%.*s", (int)strcspn(text, blanks), text);
    return text;
}

static bool takes_word(const char *option)
{
    static const char *const options[] = {"-u", "--unset", "-C", "--chdir"};

    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(option, options[i]) == 0)
            return true;
    return false;
}

static bool empties_environment(const char *option)
{
    bool empties = strcmp(option, "-") == 0 || strcmp(option, "--ignore-environment") == 0;

    if (option[1] != '-')
        (void)read_env_letters(option, &empties);
    return empties;
}

bool read_env_argument(const char *argument, char command[SCRIPT_LINE], bool *empties)
{
    static const char split[] = "--split-string=";
    const char *words = NULL;

    *empties = false;
    if (strncmp(argument, split, sizeof split - 1) == 0)
        words = argument + sizeof split - 1;
    else if (argument[0] == '-')
        words = read_env_letters(argument, empties);
    else
        snprintf(command, SCRIPT_LINE, "%s", argument); /* all of it is one word */
    if (!words)
        return argument[0] != '-' && *argument != '\0';
    for (;; words += strlen(command)) {
        words = next_word(words, command);
        if (command[0] != '-' && !strchr(command, '='))
            return command[0] != '\0';
        if (takes_word(command))
            words = next_word(words + strlen(command), command);
        else if (command[0] == '-')
            *empties |= empties_environment(command);
    }
}
