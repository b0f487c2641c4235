#include "client/cli/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/stream.h"
#include "protocol/status.h"

enum {
    START_TIMEOUT_MS = 60 * 1000,
    STOP_TIMEOUT_MS = 60 * 1000,
    CHILD_FAILED = 127,
    LOG_TAIL_BYTES = 2000,
    TREE_FILES_OPEN = 16,
    ARGUMENTS_MAX = 16,
};

struct spawn {
    char program[PATH_MAX];
    char folder[PATH_MAX];
    char data[PATH_MAX + 8];
    char log[PATH_MAX + 16];
    bool keeps;
    bool made_folder;
    bool has_signals;
    struct sigaction before_int;
    struct sigaction before_term;
    pid_t pid;
    int output; /* the read end of the server's standard output; -1: none */
    char address[128];
    struct pin pin;
};

/* --- Signals ---------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void interrupt_note(int number)
{
    (void)number;
    interrupted = 1;
}

bool spawn_interrupted(void)
{
    return interrupted != 0;
}

static void signals_take(struct spawn *s)
{
    struct sigaction action = {.sa_handler = interrupt_note};
    sigemptyset(&action.sa_mask);
    interrupted = 0;
    sigaction(SIGINT, &action, &s->before_int);
    sigaction(SIGTERM, &action, &s->before_term);
    s->has_signals = true;
}

static void signals_give_back(struct spawn *s)
{
    if (!s->has_signals)
        return;
    sigaction(SIGINT, &s->before_int, NULL);
    sigaction(SIGTERM, &s->before_term, NULL);
}

/* --- Finding ---------------------------------------------------------------------------------- */

static bool is_program(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

static bool find_beside(char path_out[PATH_MAX])
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0)
        return false;
    self[n] = '\0';
    /* Beside the program, or above it: tests lie in a folder under the programs. */
    for (int level = 0; level < 2; level++) {
        char *slash = strrchr(self, '/');
        if (slash == NULL)
            return false;
        *slash = '\0';
        int length = snprintf(path_out, PATH_MAX, "%s/boursed", self);
        if (length > 0 && length < PATH_MAX && is_program(path_out))
            return true;
    }
    return false;
}

static bool find_in_path(char path_out[PATH_MAX])
{
    const char *at = getenv("PATH");
    while (at != NULL && *at != '\0') {
        size_t length = strcspn(at, ":");
        if (length > 0 && length < PATH_MAX - sizeof("/boursed")) {
            memcpy(path_out, at, length);
            memcpy(path_out + length, "/boursed", sizeof("/boursed"));
            if (is_program(path_out))
                return true;
        }
        at += length;
        at += *at == ':' ? 1 : 0;
    }
    return false;
}

int spawn_find(char path_out[PATH_MAX], struct buffer *error)
{
    const char *named = getenv("BOURSE_BOURSED");
    if (named != NULL) {
        int n = snprintf(path_out, PATH_MAX, "%s", named);
        if (n > 0 && n < PATH_MAX && is_program(path_out))
            return STATUS_OK;
        buffer_printf(error, "BOURSE_BOURSED names %s, which is not a program", named);
        return STATUS_NOT_FOUND;
    }
    if (find_beside(path_out) || find_in_path(path_out))
        return STATUS_OK;
    buffer_printf(error, "the server's program boursed is neither beside this program nor in "
                         "$PATH; name it in BOURSE_BOURSED");
    return STATUS_NOT_FOUND;
}

/* --- Processes -------------------------------------------------------------------------------- */

/* In the child: standard output to `output`, errors to the log, then the program. Only calls that
 * are safe between fork and exec. */
static _Noreturn void child_exec(char *const *argv, int output, int log, pid_t parent)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0)
        _exit(CHILD_FAILED);
    if (setpgid(0, 0) != 0)
        _exit(CHILD_FAILED);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        _exit(CHILD_FAILED);
    execv(argv[0], argv);
    _exit(CHILD_FAILED);
}

/* Starts a program; the read end of its output goes to *output_out. */
static int child_start(struct spawn *s, char *const *argv, pid_t *pid_out, int *output_out,
                       struct buffer *error)
{
    int ends[2] = {-1, -1};
    pid_t parent = getpid();
    int log = open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0 || pipe2(ends, O_CLOEXEC) != 0)
        goto fail;
    pid_t pid = fork();
    if (pid == 0)
        child_exec(argv, ends[1], log, parent);
    if (pid < 0)
        goto fail;
    close(ends[1]);
    close(log);
    *pid_out = pid;
    *output_out = ends[0];
    return STATUS_OK;
fail:
    buffer_printf(error, "%s: %s", argv[0], strerror(errno));
    if (log >= 0)
        close(log);
    if (ends[0] >= 0) {
        close(ends[0]);
        close(ends[1]);
    }
    return STATUS_IO;
}

/* What the program said last, for people. */
static void log_quote(const struct spawn *s, struct buffer *error)
{
    char text[LOG_TAIL_BYTES];
    int fd = open(s->log, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    off_t size = lseek(fd, 0, SEEK_END);
    off_t from = size > LOG_TAIL_BYTES ? size - LOG_TAIL_BYTES : 0;
    ssize_t n = pread(fd, text, sizeof(text), from);
    close(fd);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
        n--;
    if (n > 0)
        buffer_printf(error, "; it said:\n%.*s", (int)n, text);
}

static int wait_child(pid_t pid)
{
    int state = 0;
    while (waitpid(pid, &state, 0) < 0) {
        if (errno != EINTR)
            return CHILD_FAILED;
    }
    return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

/* Runs a program to its end; its output is appended to `output`. Returns its exit code, or a
 * negative status. */
static int child_run(struct spawn *s, char *const *argv, struct buffer *output,
                     struct buffer *error)
{
    pid_t pid = 0;
    int fd = -1;
    int status = child_start(s, argv, &pid, &fd, error);
    if (status != STATUS_OK)
        return status;
    char chunk[4096];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
        if (n > 0)
            buffer_append(output, chunk, (size_t)n);
        else if (errno != EINTR)
            break;
    }
    close(fd);
    return wait_child(pid);
}

/* --- Starting --------------------------------------------------------------------------------- */

static int folder_make(struct spawn *s, const struct spawn_options *options, struct buffer *error)
{
    const char *parent = options->parent != NULL ? options->parent : getenv("TMPDIR");
    int n;
    if (options->keep != NULL)
        n = snprintf(s->folder, sizeof(s->folder), "%s", options->keep);
    else
        n = snprintf(s->folder, sizeof(s->folder), "%s/bourse-XXXXXX",
                     parent == NULL || *parent == '\0' ? "/tmp" : parent);
    if (n <= 0 || n >= PATH_MAX) {
        buffer_printf(error, "the folder's name is too long");
        return STATUS_LIMIT;
    }
    bool made = options->keep != NULL ? mkdir(s->folder, 0700) == 0 : mkdtemp(s->folder) != NULL;
    if (!made) {
        buffer_printf(error, "%s: %s", s->folder, strerror(errno));
        return errno == EEXIST ? STATUS_EXISTS : STATUS_IO;
    }
    s->made_folder = true;
    s->keeps = options->keep != NULL;
    snprintf(s->data, sizeof(s->data), "%s/data", s->folder);
    snprintf(s->log, sizeof(s->log), "%s/server.log", s->folder);
    return STATUS_OK;
}

static int exchange_init(struct spawn *s, const struct spawn_options *options, struct buffer *error)
{
    char admin[KEYS_TEXT_BYTES + 1];
    char seed[24];
    char *argv[ARGUMENTS_MAX] = {s->program, "init",     "--data",
                                 s->data,    "--origin", (char *)(uintptr_t)options->origin,
                                 "--admin",  admin};
    size_t count = 8;
    keys_print(&options->admin, admin);
    snprintf(seed, sizeof(seed), "%" PRIu64, options->seed);
    if (options->has_seed) {
        argv[count++] = "--seed";
        argv[count++] = seed;
    }
    argv[count] = NULL;
    struct buffer output = BUFFER_EMPTY;
    int code = child_run(s, argv, &output, error);
    buffer_release(&output);
    if (code > 0) {
        buffer_printf(error, "%s init failed", s->program);
        log_quote(s, error);
        return STATUS_IO;
    }
    return code;
}

/* One line of what `boursed run` prints; true when it is the last that is waited for. */
static bool line_take(struct spawn *s, const char *line)
{
    static const char exchange[] = "exchange ";
    static const char listening[] = "listening on ";
    if (strncmp(line, exchange, strlen(exchange)) == 0)
        (void)pin_parse(line + strlen(exchange), &s->pin);
    if (strncmp(line, listening, strlen(listening)) != 0)
        return false;
    snprintf(s->address, sizeof(s->address), "%.100s", line + strlen(listening));
    return true;
}

/* Reads lines until the server listens. */
static int lines_wait(struct spawn *s, struct buffer *error)
{
    char text[4096];
    size_t length = 0;
    uint64_t begin_ms = stream_now_ms();
    for (;;) {
        uint64_t passed = stream_now_ms() - begin_ms;
        struct pollfd p = {.fd = s->output, .events = POLLIN};
        int ready = passed >= START_TIMEOUT_MS ? 0 : poll(&p, 1, START_TIMEOUT_MS - (int)passed);
        if (interrupted != 0) {
            buffer_printf(error, "interrupted");
            return STATUS_CLOSED;
        }
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0) {
            buffer_printf(error, "%s does not listen after %d s", s->program,
                          START_TIMEOUT_MS / 1000);
            log_quote(s, error);
            return STATUS_TIMEOUT;
        }
        ssize_t n = read(s->output, text + length, sizeof(text) - 1 - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            buffer_printf(error, "%s ended before it listened", s->program);
            log_quote(s, error);
            return STATUS_CLOSED;
        }
        length += (size_t)n;
        text[length] = '\0';
        char *end;
        while ((end = strchr(text, '\n')) != NULL) {
            *end = '\0';
            if (line_take(s, text))
                return STATUS_OK;
            length -= (size_t)(end + 1 - text);
            memmove(text, end + 1, length + 1);
        }
        if (length == sizeof(text) - 1)
            length = 0;
    }
}

static int server_run(struct spawn *s, const struct spawn_options *options, struct buffer *error)
{
    char *argv[ARGUMENTS_MAX] = {
        s->program, "run",         "--data",  s->data,
        "--listen", "127.0.0.1:0", "--clock", options->manual_clock ? "manual" : "real",
        NULL};
    int status = child_start(s, argv, &s->pid, &s->output, error);
    if (status == STATUS_OK)
        status = lines_wait(s, error);
    if (status == STATUS_OK && s->pin.origin[0] == '\0') {
        buffer_printf(error, "%s printed no line to pin", s->program);
        status = STATUS_MALFORMED;
    }
    return status;
}

int spawn_start(const struct spawn_options *options, struct spawn **out, struct buffer *error)
{
    *out = NULL;
    struct spawn *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return STATUS_MEMORY;
    s->output = -1;
    signals_take(s);
    int status = spawn_find(s->program, error);
    if (status == STATUS_OK)
        status = folder_make(s, options, error);
    if (status == STATUS_OK)
        status = exchange_init(s, options, error);
    if (status == STATUS_OK)
        status = server_run(s, options, error);
    if (status != STATUS_OK) {
        spawn_free(s);
        s = NULL;
    }
    *out = s;
    return status;
}

const char *spawn_address(const struct spawn *s)
{
    return s->address;
}

const struct pin *spawn_pin(const struct spawn *s)
{
    return &s->pin;
}

const char *spawn_data(const struct spawn *s)
{
    return s->data;
}

pid_t spawn_pid(const struct spawn *s)
{
    return s->pid;
}

/* --- Ending ----------------------------------------------------------------------------------- */

/* Waits for the end of the server's output, which is the end of the server; false: not in time. */
static bool output_drain(struct spawn *s, uint64_t timeout_ms)
{
    char chunk[1024];
    uint64_t begin_ms = stream_now_ms();
    for (;;) {
        uint64_t passed = stream_now_ms() - begin_ms;
        struct pollfd p = {.fd = s->output, .events = POLLIN};
        if (passed >= timeout_ms)
            return false;
        int ready = poll(&p, 1, (int)(timeout_ms - passed));
        if (ready == 0)
            return false;
        if (ready > 0 && read(s->output, chunk, sizeof(chunk)) == 0)
            return true;
    }
}

int spawn_stop(struct spawn *s, struct buffer *error)
{
    if (s->pid == 0) {
        buffer_printf(error, "the server does not run");
        return STATUS_CLOSED;
    }
    kill(s->pid, SIGTERM);
    bool ended = output_drain(s, STOP_TIMEOUT_MS);
    if (!ended)
        kill(s->pid, SIGKILL);
    int code = wait_child(s->pid);
    s->pid = 0;
    close(s->output);
    s->output = -1;
    if (ended && code == 0)
        return STATUS_OK;
    if (!ended)
        buffer_printf(error, "the server did not end in %d s and was killed",
                      STOP_TIMEOUT_MS / 1000);
    else
        buffer_printf(error, "the server ended with code %d", code);
    log_quote(s, error);
    return ended ? STATUS_CLOSED : STATUS_TIMEOUT;
}

int spawn_check(struct spawn *s, struct buffer *error)
{
    char *argv[] = {s->program, "check", "--data", s->data, NULL};
    struct buffer output = BUFFER_EMPTY;
    int code = child_run(s, argv, &output, error);
    if (code != 0) {
        buffer_printf(error, "%s check does not pass (%d):\n%.*s", s->program, code,
                      (int)output.length, output.data == NULL ? "" : (char *)output.data);
        log_quote(s, error);
    }
    buffer_release(&output);
    return code == 0 ? STATUS_OK : STATUS_DAMAGED;
}

static int entry_remove(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

void spawn_free(struct spawn *s)
{
    if (s == NULL)
        return;
    struct buffer ignored = BUFFER_EMPTY;
    if (s->pid != 0)
        (void)spawn_stop(s, &ignored);
    buffer_release(&ignored);
    if (s->made_folder && !s->keeps)
        nftw(s->folder, entry_remove, TREE_FILES_OPEN, FTW_DEPTH | FTW_PHYS);
    signals_give_back(s);
    free(s);
}
