#include "tests/client/cli/run.h"

#include <assert.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void slurp(FILE *file, char *out, size_t size)
{
    rewind(file);
    size_t length = fread(out, 1, size - 1, file);
    out[length] = '\0';
    fclose(file);
}

enum { WORDS_MAX = 64 };

/* The words of a line, which it cuts, with the program's name before them. */
static void line_divide(char *line, char *words[WORDS_MAX])
{
    int count = 0;
    char *word;
    words[count++] = (char *)"bourse";
    while ((word = strsep(&line, " ")) != NULL) {
        if (word[0] != '\0')
            words[count++] = word;
        assert(count < WORDS_MAX);
    }
    words[count] = NULL;
}

/* The program itself and no fork() that calls its functions: another thread of the test (an
 * exchange that it plays) may hold a lock of the allocator then, which nobody in the child would
 * ever free. */
static pid_t program_start(const char *line, FILE *in, FILE *out, FILE *error)
{
    char *words[WORDS_MAX];
    posix_spawn_file_actions_t files;
    pid_t pid = 0;
    char *copy = strdup(line);
    assert(copy != NULL);
    line_divide(copy, words);
    int failed = posix_spawn_file_actions_init(&files) ||
                 posix_spawn_file_actions_adddup2(&files, fileno(in), STDIN_FILENO) ||
                 posix_spawn_file_actions_adddup2(&files, fileno(out), STDOUT_FILENO) ||
                 posix_spawn_file_actions_adddup2(&files, fileno(error), STDERR_FILENO) ||
                 posix_spawn(&pid, BOURSE_PROGRAM, &files, NULL, words, environ);
    assert(!failed);
    (void)failed;
    posix_spawn_file_actions_destroy(&files);
    free(copy);
    return pid;
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
    pid_t pid = program_start(line, in, out, error);
    pid_t ended = waitpid(pid, &status, 0);
    assert(ended == pid);
    (void)ended;
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
