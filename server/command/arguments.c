#include "server/command/arguments.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/moment.h"

static size_t option_place(const struct command *c, const char *name, size_t length)
{
    size_t i = 0;
    while (c->options[i].name != NULL &&
           (strlen(c->options[i].name) != length || strncmp(c->options[i].name, name, length) != 0))
        i++;
    return i;
}

void command_help(const struct command *c, FILE *out)
{
    fprintf(out, "usage: boursed %s%s%s", c->name, c->word != NULL ? " " : "",
            c->word != NULL ? c->word : "");
    for (const struct option_spec *o = c->options; o->name != NULL; o++)
        fprintf(out, o->required ? " --%s%s%s" : " [--%s%s%s]", o->name,
                o->argument != NULL ? " " : "", o->argument != NULL ? o->argument : "");
    fprintf(out, "\n\n%s.\n", c->summary);
    if (c->text != NULL)
        fprintf(out, "%s\n", c->text);
    fprintf(out, "\n");
    for (const struct option_spec *o = c->options; o->name != NULL; o++) {
        char left[64];
        snprintf(left, sizeof(left), "--%s %s", o->name, o->argument != NULL ? o->argument : "");
        fprintf(out, "  %-26s %s\n", left, o->help);
    }
}

static bool option_repeats(const struct option_spec *o)
{
    size_t length = o->argument != NULL ? strlen(o->argument) : 0;
    return length > 3 && strcmp(o->argument + length - 3, "...") == 0;
}

bool arguments_parse(const struct command *c, int argc, char *const *argv, struct arguments *out)
{
    *out = (struct arguments){.command = c};
    if (c->word != NULL && (argc == 0 || strncmp(argv[0], "--", 2) == 0)) {
        fprintf(stderr, "boursed %s: %s is needed first; --help tells more\n", c->name, c->word);
        return false;
    }
    if (c->word != NULL)
        out->word = argv[0];
    for (int i = c->word != NULL ? 1 : 0; i < argc; i++) {
        const char *word = argv[i];
        if (strncmp(word, "--", 2) != 0 || word[2] == '\0') {
            fprintf(stderr, "boursed %s: what is '%s'? options begin with --\n", c->name, word);
            return false;
        }
        const char *equals = strchr(word, '=');
        size_t length = equals != NULL ? (size_t)(equals - word) - 2 : strlen(word) - 2;
        size_t place = option_place(c, word + 2, length);
        const struct option_spec *o = &c->options[place];
        assert(place < OPTIONS_MAX);
        if (o->name == NULL) {
            fprintf(stderr, "boursed %s: there is no option '%s'; --help lists them\n", c->name,
                    word);
            return false;
        }
        bool repeats = option_repeats(o);
        if (repeats && out->repeated_count == OPTION_REPEATS_MAX) {
            fprintf(stderr, "boursed %s: --%s is given more than %d times\n", c->name, o->name,
                    (int)OPTION_REPEATS_MAX);
            return false;
        }
        if (out->values[place] != NULL && !repeats) {
            fprintf(stderr, "boursed %s: --%s is given twice\n", c->name, o->name);
            return false;
        }
        if (o->argument == NULL && equals != NULL) {
            fprintf(stderr, "boursed %s: --%s takes no value\n", c->name, o->name);
            return false;
        }
        if (o->argument != NULL && equals == NULL && i + 1 == argc) {
            fprintf(stderr, "boursed %s: --%s needs %s\n", c->name, o->name, o->argument);
            return false;
        }
        if (o->argument != NULL && equals == NULL && strncmp(argv[i + 1], "--", 2) == 0) {
            fprintf(stderr,
                    "boursed %s: --%s needs %s, and '%s' is an option; --%s=%s would say "
                    "that it is meant\n",
                    c->name, o->name, o->argument, argv[i + 1], o->name, argv[i + 1]);
            return false;
        }
        if (o->argument == NULL)
            out->values[place] = "";
        else
            out->values[place] = equals != NULL ? equals + 1 : argv[++i];
        if (repeats)
            out->repeated[out->repeated_count++] = out->values[place];
    }
    for (size_t i = 0; c->options[i].name != NULL; i++) {
        if (c->options[i].required && out->values[i] == NULL) {
            fprintf(stderr, "boursed %s: --%s %s is needed; --help tells more\n", c->name,
                    c->options[i].name,
                    c->options[i].argument != NULL ? c->options[i].argument : "");
            return false;
        }
    }
    return true;
}

int command_run(const struct command *c, int argc, char *const *argv)
{
    struct arguments arguments;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            command_help(c, stdout);
            return EXIT_DONE;
        }
    }
    return arguments_parse(c, argc, argv, &arguments) ? c->run(&arguments) : EXIT_USAGE;
}

const char *arguments_get(const struct arguments *a, const char *name)
{
    size_t place = option_place(a->command, name, strlen(name));
    assert(a->command->options[place].name != NULL);
    return a->values[place];
}

bool arguments_has(const struct arguments *a, const char *name)
{
    return arguments_get(a, name) != NULL;
}

bool arguments_number(const struct arguments *a, const char *name, uint64_t low, uint64_t high,
                      uint64_t absent, uint64_t *out)
{
    const char *text = arguments_get(a, name);
    if (text == NULL) {
        *out = absent;
        return true;
    }
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' && value >= low &&
        value <= high) {
        *out = value;
        return true;
    }
    fprintf(stderr, "boursed %s: --%s '%s' is not a number from %llu to %llu\n", a->command->name,
            name, text, (unsigned long long)low, (unsigned long long)high);
    return false;
}

bool arguments_duration(const struct arguments *a, const char *name, uint64_t low, uint64_t high,
                        uint64_t absent, uint64_t *out)
{
    const char *text = arguments_get(a, name);
    char from[MOMENT_TEXT_BYTES], to[MOMENT_TEXT_BYTES];
    if (text == NULL) {
        *out = absent;
        return true;
    }
    if (duration_parse(text, out) && *out >= low && *out <= high)
        return true;
    fprintf(stderr, "boursed %s: --%s '%s' is not a duration from %s to %s, such as 30m or 24h\n",
            a->command->name, name, text, duration_format(low, from), duration_format(high, to));
    return false;
}
