/*
 * Text as messages may carry it: well-formed UTF-8 (RFC 3629: shortest form, no surrogates, at
 * most U+10FFFF) without control characters (U+0000 to U+001F, U+007F to U+009F), which a terminal
 * might obey.
 */
#ifndef BOURSE_PROTOCOL_UTF8_H
#define BOURSE_PROTOCOL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"

bool utf8_is_plain(const char *data, size_t length);

/*
 * The hidden character that plain text begins with, *size_out its bytes; 0: it begins with none.
 * Hidden is what shows nothing of its own and changes how its surroundings are read: controls of
 * direction (such as U+202E, behind which text runs backwards), characters without width, tags,
 * separators of lines and paragraphs. Messages carry them, as some scripts need them; who shows
 * text to people spells them out.
 */
uint32_t utf8_hidden(const char *data, size_t length, size_t *size_out);

enum { UTF8_SPELT_BYTES = 13 };
/* A character by its number, for people: \u202e, \U000e0041. Returns `out`. */
const char *utf8_spell(uint32_t point, char out[UTF8_SPELT_BYTES]);
/* The same as strings of JSON may have it, which changes no value. */
const char *utf8_spell_json(uint32_t point, char out[UTF8_SPELT_BYTES]);

/* Appends text for people: control and hidden characters and broken UTF-8 spelt out, line feeds too
 * unless `newlines`. */
void escape_append(struct buffer *out, const char *text, size_t length, bool newlines);

#endif
