/* Codes of places: what a site says of its region and jurisdiction, and orders ask for. */
#ifndef BOURSE_PROTOCOL_PLACE_H
#define BOURSE_PROTOCOL_PLACE_H

#include <stdbool.h>

#include "protocol/message.h"

/* Whether the code has the form of ISO 3166-1 alpha-2, such as "ID", or also, with `subdivision`,
 * of ISO 3166-2, such as "US-TX". Nobody asks whether there is such a place. */
bool place_is_valid(struct text code, bool subdivision);

#endif
