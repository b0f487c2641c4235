#include "client/cli/screen.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "protocol/status.h"
#include "protocol/utf8.h"

enum { ROWS_USUAL = 24, COLUMNS_USUAL = 80, ROWS_LEAST = 4, COLUMNS_LEAST = 20 };

static volatile sig_atomic_t ended;
static bool taken;       /* the terminal is ours */
static bool keys_hidden; /* and its settings were changed */
static struct termios keys_before;

static const char *const styles[] = {
    [STYLE_PLAIN] = "",        [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m",
    [STYLE_SELL] = "\033[31m", [STYLE_BUY] = "\033[32m",
};

static void end_asked(int number)
{
    (void)number;
    ended = 1;
}

/* So that what is waited for is interrupted, the calls are not begun again. */
static void signals_watch(void (*handler)(int))
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaction(numbers[i], &action, NULL);
}

/* Keys are neither shown nor gathered into lines; Ctrl-C goes on to be a signal. */
static void keys_hide(void)
{
    keys_hidden = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &keys_before) == 0;
    if (!keys_hidden)
        return;
    struct termios hidden = keys_before;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
    tcsetattr(STDIN_FILENO, TCSANOW, &hidden);
}

void screen_leave(void)
{
    if (!taken)
        return;
    taken = false;
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    if (keys_hidden)
        tcsetattr(STDIN_FILENO, TCSANOW, &keys_before);
    signals_watch(SIG_DFL);
}

/* A window may have become another size since the last frame. */
static void size_find(struct screen *s)
{
    struct winsize size;
    s->rows = s->columns = UINT_MAX;
    if (!s->live)
        return;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    s->rows = known && size.ws_row > 0 ? size.ws_row : ROWS_USUAL;
    s->columns = known && size.ws_col > 0 ? size.ws_col : COLUMNS_USUAL;
    s->rows = s->rows > ROWS_LEAST ? s->rows : ROWS_LEAST;
    s->columns = s->columns > COLUMNS_LEAST ? s->columns : COLUMNS_LEAST;
}

void screen_begin(struct screen *s, struct cli *cli, bool live)
{
    *s = (struct screen){.cli = cli, .out = BUFFER_EMPTY};
    ended = 0;
    s->live = live && !cli->json && isatty(STDOUT_FILENO);
    size_find(s);
    if (!s->live) {
        if (live)
            signals_watch(end_asked);
        return;
    }
    taken = true;
    signals_watch(end_asked);
    keys_hide();
    /* Another screen than the one with the user's history on it, without a cursor. */
    fputs("\033[?1049h\033[?25l\033[2J", stdout);
    fflush(stdout);
}

void screen_end(struct screen *s)
{
    screen_leave();
    buffer_release(&s->out);
}

bool screen_ended(const struct screen *s, int wait_ms)
{
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
    char key;
    bool listens = s->live && keys_hidden;
    if (!ended && (wait_ms > 0 || listens))
        (void)poll(&keys, listens, wait_ms);
    if (listens && (keys.revents & POLLIN) != 0 && read(STDIN_FILENO, &key, 1) == 1 &&
        (key == 'q' || key == 'Q'))
        ended = 1;
    return ended != 0;
}

/* --- Frames --------------------------------------------------------------------------------- */

void screen_clear(struct screen *s)
{
    size_find(s);
    s->row = s->column = 0;
    buffer_clear(&s->out);
    if (s->live)
        buffer_printf(&s->out, "\033[H");
}

/* How many bytes the first `max` characters take. */
static size_t characters_fit(const uint8_t *text, size_t length, unsigned max, unsigned *count_out)
{
    size_t at = 0;
    *count_out = 0;
    while (at < length && *count_out < max) {
        for (at++; at < length && (text[at] & 0xc0) == 0x80;)
            at++;
        ++*count_out;
    }
    return at;
}

void screen_put(struct screen *s, enum screen_style style, const char *format, ...)
{
    struct buffer shown = BUFFER_EMPTY;
    char *text = NULL;
    unsigned count = 0;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0 || s->row >= s->rows) {
        if (length >= 0)
            free(text);
        return;
    }
    bool styled = s->cli->colour && style != STYLE_PLAIN;
    escape_append(&shown, text, (size_t)length, false);
    size_t fits = characters_fit(shown.data, shown.length, s->columns - s->column, &count);
    buffer_printf(&s->out, "%s", styled ? styles[style] : "");
    buffer_append(&s->out, shown.data, fits);
    buffer_printf(&s->out, "%s", styled ? "\033[0m" : "");
    s->column += count;
    buffer_release(&shown);
    free(text);
}

void screen_newline(struct screen *s)
{
    if (s->row >= s->rows)
        return;
    s->row++;
    s->column = 0;
    /* The last line of a screen has no next one: it would scroll. */
    if (s->live) {
        buffer_printf(&s->out, "\033[K%s", s->row < s->rows ? "\r\n" : "");
    } else {
        while (s->out.length > 0 && s->out.data[s->out.length - 1] == ' ')
            s->out.length--;
        buffer_printf(&s->out, "\n");
    }
}

unsigned screen_left(const struct screen *s)
{
    return s->rows - s->row;
}

void screen_show(struct screen *s)
{
    if (s->live && s->row < s->rows)
        buffer_printf(&s->out, "\033[J");
    if (s->out.status == STATUS_OK && s->out.length > 0)
        fwrite(s->out.data, 1, s->out.length, stdout);
    fflush(stdout);
    buffer_clear(&s->out);
}
