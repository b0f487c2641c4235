/* `boursed init`: a new exchange in a fresh directory. */
#include <inttypes.h>
#include <string.h>

#include <sodium.h>

#include "protocol/amount.h"
#include "protocol/endian.h"
#include "protocol/keyfile.h"
#include "protocol/moment.h"
#include "protocol/sha256.h"
#include "protocol/status.h"
#include "protocol/utf8.h"
#include "server/command/command.h"
#include "server/command/tell.h"
#include "server/command/root_key.h"
#include "server/engine/folder.h"
#include "server/engine/stage.h"
#include "server/journal/journal.h"
#include "server/port/clock.h"
#include "server/port/entropy.h"

enum {
    CERTIFICATE_DAYS = 730,
    /* A machine's clock may run behind the one that made its certificates. */
    CERTIFICATE_EARLY_S = 3600,
};

/* Exchanges made with --seed are the same whenever they are made. */
#define SEED_CREATED_S UINT64_C(1767225600) /* 2026-01-01 */

static const struct option_spec options[] = {
    {"data", "DIR", "where it is made; must not exist, or be empty", true},
    {"origin", "NAME", "the name of its log, such as example.org/bourse", true},
    {"admin", "PUBKEY", "the first admin's public key, as `bourse keygen` prints it", true},
    {"admin-name", "NAME", "what the admin is called (admin)", false},
    {"co-admin", "NAME=PUBKEY...", "a further admin with its public key; given up to 15 times",
     false},
    {"root-key", "FILE", "take the root key from FILE, or make it there (DIR/keys/root.key)",
     false},
    ROOT_PASSPHRASE_OPTION,
    {"activation-grace", "TIME", "how long operators have to activate a lease (30m)", false},
    {"meter-grace", "TIME", "how long they have to meter a period (24h)", false},
    {"dispute-window", "TIME", "how long startups have to dispute one (24h)", false},
    {"approvals", "M", "how many admins must approve what is above the limits (1)", false},
    {"mint-limit", "CREDITS", "the most that is minted in a day without approval (no limit)",
     false},
    {"payout-limit", "CREDITS",
     "the most that is paid out of an account in a day without approval (no limit)", false},
    {"created", "TIME",
     "when the exchange's time begins (now), such as -1d; for simulations whose clock is manual",
     false},
    {"seed", "N", "INSECURE: derive every key from N, for reproducible simulations only", false},
    {NULL, NULL, NULL, false},
};

/* A secret: random, or what follows from --seed. */
static int secret_make(const struct arguments *a, uint64_t seed, const char *name,
                       uint8_t out[KEYS_SEED_BYTES])
{
    static const char purpose[] = "bourse/insecure-seed/v1";
    uint8_t number[8];
    if (!arguments_has(a, "seed"))
        return entropy_fill(port_entropy_system(), out, KEYS_SEED_BYTES);
    put_u64_be(number, seed);
    sha256_parts(purpose, sizeof(purpose), name, strlen(name) + 1, number, sizeof(number), out);
    return 0;
}

static int secrets_make(const struct arguments *a, uint64_t seed, struct identity *identity)
{
    uint8_t nonce[KEYS_SEED_BYTES] = {0};
    int status = secret_make(a, seed, "log", identity->log);
    if (status == 0)
        status = secret_make(a, seed, "channel", identity->channel);
    if (status == 0)
        status = secret_make(a, seed, "nonce", identity->nonce);
    if (status == 0)
        status = secret_make(a, seed, "genesis", nonce);
    memcpy(identity->genesis.nonce, nonce, sizeof(identity->genesis.nonce));
    return status;
}

/* Takes the root key from --root-key, makes it there, or makes it for the data directory. */
static int root_make(const struct arguments *a, uint64_t seed, struct identity *identity)
{
    const char *path = arguments_get(a, "root-key");
    identity->keep_root = path == NULL;
    int status = path != NULL ? root_key_read(a, path, identity->root) : STATUS_NOT_FOUND;
    if (status != STATUS_NOT_FOUND)
        return status;
    status = secret_make(a, seed, "root", identity->root);
    if (status == 0 && path != NULL) {
        status = keyfile_write(path, identity->root, NULL, 0, NULL);
        if (status != 0)
            fprintf(stderr, "boursed init: %s: %s\n", path, status_text(status));
    }
    return status;
}

static bool times_set(const struct arguments *a, struct identity *identity)
{
    uint64_t activation, meter, dispute;
    uint64_t now_s = clock_wall_s(port_clock_system());
    if (!arguments_duration(a, "activation-grace", 60, GRACE_MAX_S, 1800, &activation) ||
        !arguments_duration(a, "meter-grace", 60, GRACE_MAX_S, DAY_S, &meter) ||
        !arguments_duration(a, "dispute-window", 60, GRACE_MAX_S, DAY_S, &dispute))
        return false;
    identity->genesis.activation_grace_s = (uint32_t)activation;
    identity->genesis.meter_grace_s = (uint32_t)meter;
    identity->genesis.dispute_window_s = (uint32_t)dispute;
    identity->genesis.created_s = now_s;
    const char *created = arguments_get(a, "created");
    if (created != NULL && (!moment_parse(created, now_s, &identity->genesis.created_s) ||
                            identity->genesis.created_s > now_s)) {
        tell_people("boursed init: --created %s is not a time in the past, such as -1d\n", created);
        return false;
    }
    identity->not_before_s = now_s - CERTIFICATE_EARLY_S;
    identity->not_after_s = now_s + (uint64_t)CERTIFICATE_DAYS * DAY_S;
    if (arguments_has(a, "seed")) {
        if (created == NULL)
            identity->genesis.created_s = SEED_CREATED_S;
        identity->not_before_s = 0;
        identity->not_after_s = TIME_MAX_S;
    }
    return true;
}

static bool limit_set(const struct arguments *a, const char *name, amount *out)
{
    const char *text = arguments_get(a, name);
    if (text == NULL)
        return true;
    if (amount_parse(text, out) && *out > 0)
        return true;
    tell_people(
        "boursed init: --%s %s is not an amount of credits above zero, such as 250000 or 12.5; "
        "without it there is no limit\n",
        name, text);
    return false;
}

/* What needs several admins, of whom there must be as many. */
static bool policy_set(const struct arguments *a, struct genesis *genesis)
{
    uint64_t approvals;
    if (!arguments_number(a, "approvals", 1, APPROVALS_MAX, 1, &approvals))
        return false;
    genesis->approvals = (uint32_t)approvals;
    if (approvals > genesis->admins.count) {
        uint32_t missing = (uint32_t)approvals - genesis->admins.count;
        fprintf(stderr,
                "boursed init: --approvals %u takes %u admins, and there %s %u; name %u more with "
                "--co-admin NAME=PUBKEY\n",
                genesis->approvals, genesis->approvals, genesis->admins.count == 1 ? "is" : "are",
                genesis->admins.count, missing);
        return false;
    }
    return limit_set(a, "mint-limit", &genesis->mint_limit_ucr) &&
           limit_set(a, "payout-limit", &genesis->payout_limit_ucr);
}

static bool admin_parse(const char *option, struct text name, const char *key,
                        struct genesis_admin *out)
{
    struct keys_public public;
    if (keys_parse(key, &public) != 0) {
        tell_people("boursed init: --%s: '%s' is not a public key as `bourse keygen` prints it "
                    "(bourse-key:...)\n",
                    option, key);
        return false;
    }
    if (name.length == 0 || name.length > NAME_MAX_BYTES || name.data[0] == ' ' ||
        name.data[name.length - 1] == ' ' || !utf8_is_plain(name.data, name.length)) {
        tell_people(
            "boursed init: '%.*s' cannot be an admin's name: 1 to %d bytes of text, no space "
            "at its ends, no control characters\n",
            (int)name.length, name.data, (int)NAME_MAX_BYTES);
        return false;
    }
    out->name = name;
    memcpy(out->sign_key, public.sign, sizeof(public.sign));
    memcpy(out->channel_key, public.channel, sizeof(public.channel));
    return true;
}

/* The first admin and the further ones, into `admins`. */
static bool admins_set(const struct arguments *a, struct genesis *genesis,
                       struct genesis_admin admins[GENESIS_ADMINS_MAX])
{
    const char *first = arguments_get(a, "admin-name");
    if (first == NULL)
        first = "admin";
    if (!admin_parse("admin", text_of(first), arguments_get(a, "admin"), &admins[0]))
        return false;
    if (a->repeated_count >= GENESIS_ADMINS_MAX) {
        fprintf(stderr, "boursed init: an exchange begins with at most %d admins\n",
                (int)GENESIS_ADMINS_MAX);
        return false;
    }
    for (uint32_t i = 0; i < a->repeated_count; i++) {
        const char *text = a->repeated[i];
        const char *key = strrchr(text, '=');
        if (key == NULL) {
            tell_people("boursed init: --co-admin '%s' is not NAME=PUBKEY\n", text);
            return false;
        }
        if (!admin_parse("co-admin", (struct text){text, (uint32_t)(key - text)}, key + 1,
                         &admins[i + 1]))
            return false;
    }
    genesis->admins.items = admins;
    genesis->admins.count = a->repeated_count + 1;
    return true;
}

/* No two admins may be the same: nobody could tell them apart, or one could approve twice. */
static bool admins_check(const struct genesis *genesis)
{
    struct buffer fault = BUFFER_EMPTY;
    bool valid = genesis_admins_valid(genesis, &fault);
    if (!valid)
        tell_people("boursed init: %.*s\n", (int)fault.length, (const char *)fault.data);
    buffer_release(&fault);
    return valid;
}

static bool genesis_set(const struct arguments *a, struct identity *identity,
                        struct genesis_admin admins[GENESIS_ADMINS_MAX])
{
    const char *origin = arguments_get(a, "origin");
    if (!pin_origin_valid(origin)) {
        tell_people(
            "boursed init: --origin '%s' is not 1 to %d printable characters without space and "
            "plus, such as example.org/bourse\n",
            origin, (int)ORIGIN_MAX_BYTES);
        return false;
    }
    if (!admins_set(a, &identity->genesis, admins))
        return false;
    identity->genesis.rules_version = RULES_VERSION;
    identity->genesis.origin = text_of(origin);
    return times_set(a, identity) && policy_set(a, &identity->genesis) &&
           admins_check(&identity->genesis);
}

static int exchange_make(struct stage *stage, struct identity *identity, struct buffer *error)
{
    char path[PATH_MAX];
    uint8_t id[32];
    struct journal_error wrong = {{0}};
    const struct journal_options journal = {0};
    int status = identity_write(stage, identity, id, error);
    if (status == 0)
        status = stage_folder(stage, "image", error);
    if (status == 0)
        status = stage_folder(stage, "log", error);
    if (status == 0)
        status = stage_path(stage, "journal", path);
    if (status == 0) {
        status = journal_create(path, id, &journal, &wrong);
        if (status != 0)
            buffer_printf(error, "%s", wrong.text);
    }
    return status;
}

static void limit_tell(const char *what, amount limit)
{
    char text[AMOUNT_TEXT_BYTES];
    if (limit > 0)
        fprintf(stderr, "  %s: up to %s credits a day without approval;\n", what,
                amount_format(limit, text));
    else
        fprintf(stderr, "  %s: without limit;\n", what);
}

/* Says what was set for good: from now on only admins together change it. */
static void policy_tell(const struct genesis *g)
{
    if (g->admins.count > 1)
        fprintf(stderr, "Its admins, as accounts 1 to %u:\n", g->admins.count);
    for (uint32_t i = 0; g->admins.count > 1 && i < g->admins.count; i++)
        tell_people("  %.*s%s\n", (int)g->admins.items[i].name.length, g->admins.items[i].name.data,
                    i + 1 < g->admins.count ? "," : ".");
    if (g->approvals == 1 && g->mint_limit_ucr == 0 && g->payout_limit_ucr == 0)
        return;
    fprintf(stderr, "The policy, which only admins together change ('bourse control'):\n");
    limit_tell("minting", g->mint_limit_ucr);
    limit_tell("payouts of an account", g->payout_limit_ucr);
    fprintf(
        stderr, "  what is above, other policies and further admins: %u of %u admin%s approve%s.\n",
        g->approvals, g->admins.count, g->admins.count > 1 ? "s" : "", g->approvals > 1 ? "" : "s");
    if (g->approvals > 1 && g->approvals == g->admins.count)
        fprintf(stderr, "  All of them are needed: a lost key means that nothing is approved any "
                        "more. Propose another one ('bourse control propose-admin').\n");
}

static int next_tell(const struct arguments *a, const struct stage *stage,
                     const struct genesis *genesis, struct buffer *error)
{
    struct data_folder *folder = NULL;
    struct pin pin;
    char text[PIN_TEXT_SIZE];
    int status = data_folder_open(stage->target, FOLDER_LOOK, &folder, error);
    if (status != 0)
        return status;
    data_folder_pin(folder, &pin);
    status = pin_print(&pin, text);
    data_folder_close(folder);
    if (status != 0)
        return status;
    printf("%s\n", text);
    fflush(stdout);
    fprintf(stderr, "An exchange was made in %s. The line above is what clients pin.\n",
            stage->target);
    policy_tell(genesis);
    fprintf(stderr, "Next:\n");
    if (arguments_has(a, "seed"))
        fprintf(stderr, "  INSECURE: every key follows from --seed, so anybody can have them.\n"
                        "  Use this exchange for simulations only, and with no real value.\n");
    if (arguments_has(a, "root-key"))
        fprintf(stderr, "  keep the root key, %s, offline;\n", arguments_get(a, "root-key"));
    else
        fprintf(stderr,
                "  move the root key, %s/keys/root.key, to a place that is offline: whoever has it "
                "is the exchange;\n",
                stage->target);
    fprintf(stderr, "  boursed run --data %s --listen 127.0.0.1:7420\n", stage->target);
    return 0;
}

static int run(const struct arguments *a)
{
    struct identity identity = {0};
    struct genesis_admin admins[GENESIS_ADMINS_MAX];
    struct stage stage = {0};
    struct buffer error = BUFFER_EMPTY;
    uint64_t seed;
    if (!arguments_number(a, "seed", 0, UINT64_MAX, 0, &seed) || !genesis_set(a, &identity, admins))
        return EXIT_USAGE;
    if (sodium_init() < 0)
        return tell_failure(a, STATUS_IO, &error);
    int status = stage_begin(&stage, arguments_get(a, "data"), &error);
    if (status == 0)
        status = secrets_make(a, seed, &identity);
    if (status == 0)
        status = root_make(a, seed, &identity);
    if (status == 0)
        status = exchange_make(&stage, &identity, &error);
    if (status == 0)
        status = stage_commit(&stage, &error);
    if (status == 0)
        status = next_tell(a, &stage, &identity.genesis, &error);
    stage_rename_in(&stage, &error);
    stage_abort(&stage);
    sodium_memzero(&identity, sizeof(identity));
    if (status != 0)
        return tell_failure(a, status, &error);
    buffer_release(&error);
    return EXIT_DONE;
}

const struct command command_init = {
    .name = "init",
    .summary = "make an exchange in a fresh directory",
    .text = "Writes the genesis record, makes or takes the root key, and prints the line that "
            "clients\npin on stdout; what to do next goes to stderr.",
    .options = options,
    .run = run,
};
