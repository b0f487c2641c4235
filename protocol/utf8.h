/*
 * Text as messages may carry it: well-formed UTF-8 (RFC 3629: shortest form, no surrogates, at
 * most U+10FFFF) without control characters (U+0000 to U+001F, U+007F to U+009F), which a terminal
 * might obey.
 */
#ifndef BOURSE_PROTOCOL_UTF8_H
#define BOURSE_PROTOCOL_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool utf8_is_plain(const char *data, size_t length);

#endif
