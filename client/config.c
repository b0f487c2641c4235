#include "client/config.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/paths.h"
#include "protocol/status.h"

const char *const config_names[] = {"server", "exchange", "key", NULL};

__attribute__((format(printf, 3, 4))) static int fail(struct config_error *error, int status,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return status;
}

char *config_default_file(void)
{
    const char *named = getenv("BOURSE_CONFIG");
    return named != NULL && named[0] != '\0' ? strdup(named) : paths_config("config");
}

void config_release(struct config *c)
{
    free(c->server);
    free(c->key);
    free(c->exchange);
    *c = CONFIG_EMPTY;
}

static int replace(char **slot, char *value, struct config_error *error)
{
    if (value == NULL)
        return fail(error, STATUS_MEMORY, "out of memory");
    free(*slot);
    *slot = value;
    return STATUS_OK;
}

static int exchange_set(struct config *c, const char *value, struct config_error *error)
{
    struct pin pin;
    int status = pin_parse(value, &pin);
    if (status == STATUS_VERSION)
        return fail(error, STATUS_MALFORMED,
                    "the pin line is of a version that this client does not know; install a newer "
                    "one");
    if (status != STATUS_OK)
        return fail(error, STATUS_MALFORMED,
                    "not a pin line (or a character of it is wrong): copy the line "
                    "'bourse-exchange:v1:...' that 'boursed init' printed");
    status = replace(&c->exchange, strdup(value), error);
    if (status == STATUS_OK)
        c->pin = pin;
    return status;
}

int config_set(struct config *c, const char *name, const char *value, struct config_error *error)
{
    if (strcmp(name, "exchange") == 0)
        return exchange_set(c, value, error);
    bool is_server = strcmp(name, "server") == 0;
    if (!is_server && strcmp(name, "key") != 0)
        return fail(error, STATUS_NOT_FOUND,
                    "there is no setting '%.40s'; there are server, "
                    "exchange and key",
                    name);
    if (value[0] == '\0')
        return fail(error, STATUS_MALFORMED, "%s needs a value", name);
    if (is_server && strchr(value, ':') == NULL)
        return fail(error, STATUS_MALFORMED, "'%.100s' is not host:port, such as 127.0.0.1:7420",
                    value);
    return is_server ? replace(&c->server, strdup(value), error)
                     : replace(&c->key, paths_expand(value), error);
}

const char *config_get(const struct config *c, const char *name)
{
    if (strcmp(name, "server") == 0)
        return c->server;
    if (strcmp(name, "exchange") == 0)
        return c->exchange;
    return strcmp(name, "key") == 0 ? c->key : NULL;
}

/* Cuts white space off both ends, in place. */
static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* Divides a line, in place. 0: empty or a comment; 1: name and value; -1: neither. */
static int line_split(char *line, char **name_out, char **value_out)
{
    line = trim(line);
    if (line[0] == '\0' || line[0] == '#')
        return 0;
    char *equals = strchr(line, '=');
    if (equals == NULL || equals == line)
        return -1;
    *equals = '\0';
    *name_out = trim(line);
    *value_out = trim(equals + 1);
    return 1;
}

static int line_parse(struct config *c, char *line, const char *file, unsigned number,
                      struct config_error *error)
{
    struct config_error why;
    char *name = NULL;
    char *value = NULL;
    int kind = line_split(line, &name, &value);
    if (kind < 0)
        return fail(error, STATUS_MALFORMED, "%s:%u: expected 'name = value'", file, number);
    if (kind == 0)
        return STATUS_OK;
    if (config_get(c, name) != NULL)
        return fail(error, STATUS_MALFORMED, "%s:%u: %s is set a second time", file, number, name);
    int status = config_set(c, name, value, &why);
    if (status != STATUS_OK)
        return fail(error, status == STATUS_NOT_FOUND ? STATUS_MALFORMED : status,
                    "%.200s:%u: %.280s", file, number, why.text);
    return STATUS_OK;
}

int config_parse(struct config *c, const char *file, const char *text, size_t length,
                 struct config_error *error)
{
    *c = CONFIG_EMPTY;
    if (memchr(text, '\0', length) != NULL)
        return fail(error, STATUS_MALFORMED, "%s is not a text file", file);
    char *copy = strndup(text, length);
    if (copy == NULL)
        return fail(error, STATUS_MEMORY, "out of memory");
    int status = STATUS_OK;
    unsigned number = 0;
    char *rest = copy;
    while (status == STATUS_OK && rest != NULL) {
        char *line = strsep(&rest, "\n");
        status = line_parse(c, line, file, ++number, error);
    }
    free(copy);
    if (status != STATUS_OK)
        config_release(c);
    return status;
}

int config_load(struct config *c, const char *file, struct config_error *error)
{
    struct buffer text = BUFFER_EMPTY;
    *c = CONFIG_EMPTY;
    int status = paths_read(file, CONFIG_BYTES_MAX, &text);
    if (status != STATUS_OK)
        fail(error, status, "cannot read the configuration %s: %s", file, status_text(status));
    else
        status = config_parse(c, file, text.length > 0 ? (const char *)text.data : "", text.length,
                              error);
    buffer_release(&text);
    return status;
}

/* Copies the lines of `text`, the one that sets `name` with the new value. */
static void lines_rewrite(const char *text, const char *name, const char *value, struct buffer *out)
{
    bool written = false;
    for (const char *at = text; *at != '\0';) {
        const char *end = strchrnul(at, '\n');
        char *line = strndup(at, (size_t)(end - at));
        char *its_name = NULL;
        char *its_value = NULL;
        if (line == NULL) {
            out->status = STATUS_MEMORY;
            return;
        }
        if (line_split(line, &its_name, &its_value) == 1 && strcmp(its_name, name) == 0) {
            if (!written)
                buffer_printf(out, "%s = %s\n", name, value);
            written = true;
        } else {
            buffer_append(out, at, (size_t)(end - at));
            buffer_append(out, "\n", 1);
        }
        free(line);
        at = *end == '\0' ? end : end + 1;
    }
    if (!written)
        buffer_printf(out, "%s = %s\n", name, value);
}

int config_write(const char *file, const char *name, const char *value, struct config_error *error)
{
    struct config checked = CONFIG_EMPTY;
    struct buffer old = BUFFER_EMPTY;
    struct buffer new = BUFFER_EMPTY;
    int status = strchr(value, '\n') != NULL ? fail(error, STATUS_MALFORMED, "a value has one line")
                                             : config_set(&checked, name, value, error);
    config_release(&checked);
    if (status != STATUS_OK)
        return status;
    status = paths_make_parent(file);
    if (status == STATUS_OK)
        status = paths_read(file, CONFIG_BYTES_MAX, &old);
    if (status == STATUS_NOT_FOUND)
        status = STATUS_OK;
    buffer_append(&old, "", 1); /* lines_rewrite() reads a string */
    if (status == STATUS_OK && old.status == STATUS_OK)
        lines_rewrite((const char *)old.data, name, value, &new);
    if (status == STATUS_OK)
        status = old.status != STATUS_OK ? old.status : new.status;
    if (status == STATUS_OK)
        status = paths_replace(file, 0644, new.data, new.length);
    if (status != STATUS_OK)
        fail(error, status, "cannot write %s: %s", file, status_text(status));
    buffer_release(&old);
    buffer_release(&new);
    return status;
}
