/* What the tests of the rules share: cmocka, random numbers from a printed seed. */
#ifndef BOURSE_TESTS_EXCHANGE_SUPPORT_H
#define BOURSE_TESTS_EXCHANGE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "tests/random.h"

#endif
