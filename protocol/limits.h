/*
 * Every maximum of the exchange, in one place. docs/protocol.md repeats the ones a client must
 * know; the static asserts at the end tie together those that depend on each other.
 */
#ifndef BOURSE_PROTOCOL_LIMITS_H
#define BOURSE_PROTOCOL_LIMITS_H

#include <assert.h>
#include <stdint.h>

enum {
    /* The wire. */
    FRAME_BYTES_MAX = 4 * 1024 * 1024,
    REQUEST_BYTES_MAX = 1024 * 1024, /* the signed body of one request */
    BATCH_OPERATIONS_MAX = 8190,
    PAGE_ROWS_MAX = 1000,
    REQUEST_AHEAD_MAX_S = 600, /* valid_until may lie this far ahead */
    REQUEST_IDS_MAX = 65536,   /* live request ids an account */
    REQUEST_IDS_MAIN = 4096,   /* of them that further keys leave to the main key */

    /* One operation. */
    TRANSFER_INPUTS_MAX = 2000,
    TRANSFER_OUTPUTS_MAX = 2000,
    ORDER_TOKENS_MAX = 256,
    ORDER_SERIES_MAX = 16, /* different series that fund one order */
    ESCROW_ROWS_MAX = 64,  /* series and owners in the escrow of one lease, order or rule */
    ORDER_SKUS_MAX = 16,
    ORDER_LEASES_MAX = 64,           /* leases one fill of an order may be split into */
    ORDER_CERTIFICATIONS_MAX = 8,    /* that an order asks for */
    MATCH_LOOKS_MAX = 250 * 1000,    /* what one search for capacity looks at */
    REQUEST_LOOKS_MAX = 1000 * 1000, /* and all of one request */
    FILTER_PLACES_MAX = 16,          /* regions, jurisdictions */
    SERIES_SKUS_MAX = 16,
    SERIES_REGIONS_MAX = 16,
    SITE_CERTIFICATIONS_MAX = 8,
    ACCESS_BYTES_MAX = 16384, /* what an operator seals */
    ACCESS_SEALED_MAX = ACCESS_BYTES_MAX + 48,
    EVENT_BYTES_MAX = 65535,
    EVENT_NONCE_BYTES = 16,

    /* Reports. */
    REPORT_ROWS_MAX = 250 * 1000,
    REPORT_BYTES_MAX = 64 << 20, /* in memory while it is made and kept */
    REPORT_COLUMNS_MAX = 48,
    REPORT_TABLES_MAX = 16,
    REPORT_NOTES_MAX = 16,
    REPORT_PAGE_BYTES = 2 * 1024 * 1024, /* a page ends after the row that passes this */
    REPORT_DEBT_ROWS_MAX = 1200,         /* months of a debt schedule */
    REPORT_CURVE_ROWS_MAX = 4000,        /* points of depreciation curves */
    REPORT_FLEET_ROWS_MAX = 2000,        /* rows of a lender's own list of GPUs */
    REPORTS_WAITING_MAX = 64,            /* asked for and not yet made */
    REPORTS_WAITING_ACCOUNT_MAX = 8,     /* of these, of one account's keys */
    REPORTS_KEPT_MAX = 8,                /* made and not yet read to their end */

    /* Text. */
    NAME_MAX_BYTES = 63,
    PLACE_MAX_BYTES = 7, /* ISO 3166-1 "ID" or 3166-2 "US-TX" */
    REASON_MAX_BYTES = 255,
    REFERENCE_MAX_BYTES = 127,
    ORIGIN_MAX_BYTES = 127,

    /* Capacity. */
    GPUS_MAX = 10 * 1000 * 1000,
    DURATION_MAX_MIN = 2 * 366 * 24 * 60,    /* about 24 months */
    OFFER_SPAN_MAX_MIN = 10 * 366 * 24 * 60, /* about ten years */
    HORIZON_MAX_MIN = 10 * 366 * 24 * 60,    /* how far ahead an offer or lease may start */
    NOTICE_MAX_MIN = 31 * 24 * 60,
    METER_PERIOD_MIN_MIN = 1,
    METER_PERIOD_MAX_MIN = 31 * 24 * 60,
    LEASE_PERIODS_MAX = 20000,
    POWER_W_MAX = 1000 * 1000,        /* per GPU */
    POWER_KW_MAX = 100 * 1000 * 1000, /* per site */
    CARBON_G_MAX = 10 * 1000,         /* gCO2e per kWh */
    MEMORY_GB_MAX = 1000 * 1000,

    /* What one account or the exchange may hold. */
    ACCOUNTS_MAX = 10 * 1000 * 1000,
    SERIES_MAX = 1000 * 1000,
    SKUS_MAX = 10 * 1000,
    SITES_PER_ACCOUNT_MAX = 1000,
    OFFERS_PER_ACCOUNT_MAX = 200 * 1000, /* live ones */
    GIFTS_PER_ACCOUNT_MAX = 100 * 1000,  /* not claimed or taken back */
    ORDERS_RESTING_MAX = 10 * 1000,      /* of one account */
    KEYS_PER_ACCOUNT_MAX = 64,           /* beside the main key */
    RULES_PER_ACCOUNT_MAX = 1000,        /* active ones */
    CLOSURES_PER_SITE_MAX = 64,          /* that are not over */
    LEASE_SALES_MAX = 1000,              /* parts of one lease that were sold on */

    /* The market. */
    CROSS_LOOKS_MAX = 100 * 1000,     /* what asking resting orders may look at, a tick */
    WHY_LOOKS_MAX = 150 * 1000,       /* what the searches of one question why look at */
    WHY_OFFERS_MAX = 100 * 1000,      /* and what its count of the offers looks at */
    STARTS_MAX = 744,                 /* starts that one question for prices may name */
    STANDING_STEP_MIN = 60,           /* a standing offer's end moves on by this */
    RULE_STEP_MIN = 15,               /* a rule acts at whole multiples of this */
    RULE_HORIZON_LEAST_MIN = 60,      /* a rule looks ahead for so long at least */
    RULE_LEASES_MAX = 10 * 1000,      /* a rule of an account with more that live does nothing */
    COMMITTED_MIN_MIN = 30 * 24 * 60, /* a lease of this length or more is committed, not spot */
    INDEX_STALE_S = 24 * 3600,        /* trades older than this say nothing of the price */
    INDEX_TRIM_PERCENT = 10,          /* of the GPU-minutes, on each side */
    INDEX_HOURS_KEPT_MAX = 24 * 366,  /* of the index, a SKU and kind */
    TRADES_KEPT_MAX = 100 * 1000,     /* the last ones, for queries; the log has them all */
    ELASTIC_GRACE_S = 24 * 3600,      /* a lease without funds is paused for so long */

    /* Contracts. */
    LOTS_MAX = 16,     /* deliveries of one backstop */
    PHASES_MAX = 8,    /* of one revenue share */
    TRANCHES_MAX = 16, /* of one grant */
    STREAMS_MAX = 16,  /* of one declaration of revenue, and carved out of one grant */
    SHARE_RANK_MAX = 100,
    SHARES_PER_OPERATOR_MAX = 16, /* revenue shares in force: each settlement looks at all */
    SHARE_WINDOW_MAX_DAYS = 366,
    BACKSTOP_PERIOD_MAX_MIN = 366 * 24 * 60,
    BACKSTOP_AHEAD_MAX_MIN = 366 * 24 * 60,
    BACKSTOP_PERIODS_MAX = 100 * 1000, /* of one backstop */
    BACKSTOPS_PER_STAND_MAX = 64,      /* in force, of one SKU at one site */
    BACKSTOP_BEHIND_MAX = 2000, /* periods and midnights that one request settles; ticks the rest */
    CONTRACT_SPAN_MAX_MIN = 30 * 366 * 24 * 60,
    GRANT_MONTHS_MAX = 600,
    GRANT_DECLARE_MAX_DAYS = 366,
    GRANT_CAP_MAX_BP = 100 * 10000,
    CONTRACTS_PER_ACCOUNT_MAX = 1000, /* in force, or proposed by the account */
    CONTRACT_VERSIONS_MAX = 1000,     /* of one contract's terms, declined ones included */
    CLAIMS_PAID_MAX = 64,             /* of one contract, by one operation; others wait */
    SETTLEMENT_CLAIMS_MAX = 64,       /* of all revenue shares, by one settlement; others wait */
    CALL_BALANCES_MAX = 16,           /* series of the operator's balances that one call takes of */

    /* Dual control. */
    APPROVALS_MAX = 16,
    GENESIS_ADMINS_MAX = 16,   /* whom an exchange begins with */
    CONTROL_PAYMENTS_MAX = 16, /* outputs of a proposal to mint */
    PROPOSALS_OPEN_MAX = 1000,
    PROPOSALS_PER_ACCOUNT_MAX = 100, /* of these, made by one account */
    PROPOSAL_LIFE_S = 7 * 24 * 3600, /* then it is too old to be approved */

    /* Time. */
    CLOCK_JUMP_MAX_S = 3600, /* a larger step forward waits for an admin's word */
    OUTAGE_MIN_S = 60,       /* a shorter pause of the exchange extends no deadline */
    OUTAGES_KEPT_MAX = 4096,
    TICK_ITEMS_MAX = 1000, /* due items one tick works off */
    GRACE_MAX_S = 31 * 24 * 3600,

    /* A server and its connections. */
    CONNECTIONS_MAX = 4096,
    HANDSHAKE_TIMEOUT_S = 10,
    IDLE_TIMEOUT_S = 600,
    REQUESTS_IN_FLIGHT_MAX = 256,          /* a connection */
    UNREAD_BYTES_MAX = 16 * 1024 * 1024,   /* replies a connection has not taken */
    UNREAD_TOTAL_MAX = 1024 * 1024 * 1024, /* of all connections together */
    INTAKE_BYTES_MAX = 256 * 1024 * 1024, /* frames of all connections on their way to the engine */
    QUEUE_BYTES_MAX = 64 * 1024 * 1024,   /* requests waiting for the sequencer */
    ANSWERS_BYTES_MAX = 64 * 1024 * 1024, /* answers made and not taken by the network */
    ANSWERS_ROUND_MS = 20,                /* questions answered between two groups */
    SUBSCRIPTIONS_MAX = 16,               /* a connection */
    GROUP_BYTES_MAX = 8 * 1024 * 1024,
    GROUP_REQUESTS_MAX = 4096,
    GROUP_ELECTIONS_MAX = 1, /* requests that elect, of one group; others wait for the next ones */
};

/* Amounts are micro-credits; a single amount may be at most this, so that sums of a few never come
 * near the end of 64 bits unnoticed. */
#define AMOUNT_MAX_UCR UINT64_C(1000000000000000000)
#define PRICE_MAX_UCR  UINT64_C(1000000000000000) /* per GPU-hour */
#define TIME_MAX_S     UINT64_C(253402300799)     /* the last second of the year 9999 */
#define SERIAL_MAX     (UINT64_C(1) << 62)
#define UCR_PER_CREDIT UINT64_C(1000000)

static_assert((uint32_t)REQUEST_BYTES_MAX < (uint32_t)FRAME_BYTES_MAX, "a request fits a frame");
static_assert((uint32_t)GROUP_BYTES_MAX >= 2u * (uint32_t)REQUEST_BYTES_MAX,
              "a group holds the largest request");
/* An input takes at most 9 bytes in an event, an output at most 9 + 5 + 9 + 1. */
static_assert(TRANSFER_INPUTS_MAX * 9 + TRANSFER_OUTPUTS_MAX * 23 < EVENT_BYTES_MAX,
              "a transfer's event fits");
/* A refusal in the event of a request takes at most 1 + 3 + 2 bytes. */
static_assert(BATCH_OPERATIONS_MAX * 6 + 1024 < EVENT_BYTES_MAX, "a request's event fits");
static_assert((int)GENESIS_ADMINS_MAX >= (int)APPROVALS_MAX, "a first policy may ask for all");
static_assert(ACCESS_SEALED_MAX + 1024 < EVENT_BYTES_MAX, "an activation's event fits");

#endif
