#include "tests/client/cli/run.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/cli/cli.h"

static void slurp(FILE *file, char *out, size_t size)
{
    rewind(file);
    size_t length = fread(out, 1, size - 1, file);
    out[length] = '\0';
    fclose(file);
}

static int child(const char *line, FILE *in, FILE *out, FILE *error)
{
    char *words[64] = {(char *)"bourse"};
    int count = 1;
    char *copy = strdup(line);
    char *rest = copy;
    char *word;
    while ((word = strsep(&rest, " ")) != NULL && count < 63) {
        if (word[0] != '\0')
            words[count++] = word;
    }
    dup2(fileno(in), STDIN_FILENO);
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(error), STDERR_FILENO);
    int code = cli_main(count, words);
    free(copy);
    fflush(NULL);
    return code;
}

void run_line(struct run *r, const char *line, const char *input)
{
    FILE *in = tmpfile();
    FILE *out = tmpfile();
    FILE *error = tmpfile();
    int status = 0;
    assert(in != NULL && out != NULL && error != NULL);
    fputs(input != NULL ? input : "", in);
    rewind(in);
    fflush(NULL);
    pid_t pid = fork();
    assert(pid >= 0);
    if (pid == 0)
        _exit(child(line, in, out, error));
    waitpid(pid, &status, 0);
    r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    slurp(out, r->out, sizeof(r->out));
    slurp(error, r->error, sizeof(r->error));
    fclose(in);
}

static bool text_says(const char *text, const char *words)
{
    char *squeezed = malloc(strlen(text) + 1);
    size_t length = 0;
    assert(squeezed != NULL);
    for (; *text != '\0'; text++) {
        if (*text != ' ' || length == 0 || squeezed[length - 1] != ' ')
            squeezed[length++] = *text;
    }
    squeezed[length] = '\0';
    bool says = strstr(squeezed, words) != NULL;
    free(squeezed);
    return says;
}

bool run_says(const struct run *r, const char *words)
{
    return text_says(r->out, words) || text_says(r->error, words);
}
