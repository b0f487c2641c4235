/*
 * What a view is drawn on: plain lines on standard output, or a terminal's whole screen that is
 * drawn again in place. One at a time.
 */
#ifndef BOURSE_CLIENT_CLI_SCREEN_H
#define BOURSE_CLIENT_CLI_SCREEN_H

#include "client/cli/cli.h"

enum screen_style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_SELL, STYLE_BUY };

struct screen {
    struct cli *cli;
    bool live;        /* drawn in place */
    unsigned rows;    /* of the terminal; UINT_MAX of plain lines */
    unsigned columns; /* the same */
    unsigned row;     /* where the next text goes */
    unsigned column;
    struct buffer out; /* the frame so far */
};

/* `live`: takes the terminal over until screen_end(), and Ctrl-C and the key q end it. Without a
 * terminal on standard output, or with --json, it is plain lines. */
void screen_begin(struct screen *s, struct cli *cli, bool live);
/* Gives the terminal back as it was. */
void screen_end(struct screen *s);
/* The same from wherever something is about to be said; of no effect when nothing was taken. */
void screen_leave(void);
/* Whether the user wants to end it, waiting at most so long for that. */
bool screen_ended(const struct screen *s, int wait_ms);

/* A frame: begin, then texts and line ends, then show. What lies beyond the edges is left out. */
void screen_clear(struct screen *s);
void screen_put(struct screen *s, enum screen_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void screen_newline(struct screen *s);
/* How many lines are left. */
unsigned screen_left(const struct screen *s);
void screen_show(struct screen *s);

#endif
