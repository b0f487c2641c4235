/* `boursed certify`: the root's word on the log key and the channel key, once more. */
#include <string.h>

#include <sodium.h>

#include "protocol/keyfile.h"
#include "protocol/moment.h"
#include "protocol/status.h"
#include "server/command/command.h"
#include "server/command/tell.h"
#include "server/command/root_key.h"
#include "server/engine/folder.h"
#include "server/port/clock.h"
#include "server/port/entropy.h"
#include "server/port/file.h"

enum { DAYS_DEFAULT = 730, DAYS_MAX = 36500, EARLY_S = 3600 };

static const struct option_spec options[] = {
    {"data", "DIR", "the exchange's data directory", true},
    {"root-key", "FILE", "the root's key file", true},
    ROOT_PASSPHRASE_OPTION,
    {"days", "N", "how long the certificates are valid (730)", false},
    {"rotate", "log|channel", "replace this key by a new one", false},
    {NULL, NULL, NULL, false},
};

/* Replaces a key file; the keys in memory follow. */
static int key_rotate(struct data_folder *f, const char *name, struct keys *keys,
                      struct buffer *error)
{
    uint8_t seed[KEYS_SEED_BYTES];
    char path[PATH_MAX], text[KEYFILE_TEXT_SIZE];
    size_t length = 0;
    int status = entropy_fill(port_entropy_system(), seed, sizeof(seed));
    if (status == 0)
        status = keyfile_encode(seed, NULL, 0, NULL, text, &length);
    if (status == 0)
        status = data_folder_path(f, name, path);
    if (status == 0)
        status = file_replace(path, text, length);
    if (status == 0)
        keys_from_seed(keys, seed);
    else
        buffer_printf(error, "%s: %s", name, status_text(status));
    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(text, sizeof(text));
    return status;
}

static int certificate_renew(const struct data_folder *f, const char *name, const struct keys *root,
                             enum certificate_use use, const uint8_t key[32], uint64_t days,
                             struct buffer *error)
{
    uint64_t now_s = clock_wall_s(port_clock_system());
    uint8_t bytes[CERTIFICATE_BYTES];
    char path[PATH_MAX];
    struct certificate content = {
        .use = use,
        .not_before_s = now_s - EARLY_S,
        .not_after_s = now_s + days * DAY_S,
    };
    memcpy(content.key, key, sizeof(content.key));
    int status = certificate_make(root, f->exchange_id, &content, bytes);
    if (status == 0)
        status = data_folder_path(f, name, path);
    if (status == 0)
        status = file_replace(path, bytes, sizeof(bytes));
    if (status != 0)
        buffer_printf(error, "%s: %s", name, status_text(status));
    return status;
}

static int renew(struct data_folder *f, const struct keys *root, const char *rotate, uint64_t days,
                 struct buffer *error)
{
    int status = 0;
    if (memcmp(root->sign_public, f->genesis.root_key, sizeof(root->sign_public)) != 0) {
        buffer_printf(error, "this is not the root key of %s", f->origin);
        return STATUS_FORGED;
    }
    /* The key first: if a crash comes between, its certificate is missed at the next start, and
     * certifying again mends it. */
    if (rotate != NULL && strcmp(rotate, "log") == 0)
        status = key_rotate(f, "keys/log.key", &f->log_key, error);
    else if (rotate != NULL)
        status = key_rotate(f, "keys/channel.key", &f->channel_key, error);
    if (status == 0)
        status = certificate_renew(f, "keys/log.certificate", root, CERTIFICATE_LOG,
                                   f->log_key.sign_public, days, error);
    if (status == 0)
        status = certificate_renew(f, "keys/channel.certificate", root, CERTIFICATE_CHANNEL,
                                   f->channel_key.channel_public, days, error);
    return status;
}

static int run(const struct arguments *a)
{
    struct data_folder *folder = NULL;
    struct buffer error = BUFFER_EMPTY;
    struct keys root;
    struct pin pin;
    uint8_t seed[KEYS_SEED_BYTES];
    char text[PIN_TEXT_SIZE];
    uint64_t days;
    const char *rotate = arguments_get(a, "rotate");
    if (!arguments_number(a, "days", 1, DAYS_MAX, DAYS_DEFAULT, &days))
        return EXIT_USAGE;
    if (rotate != NULL && strcmp(rotate, "log") != 0 && strcmp(rotate, "channel") != 0) {
        fprintf(stderr, "boursed certify: --rotate is log or channel\n");
        return EXIT_USAGE;
    }
    int status = data_folder_open(arguments_get(a, "data"), FOLDER_LOOK, &folder, &error);
    if (status != 0)
        return tell_failure(a, status, &error);
    status = root_key_read(a, arguments_get(a, "root-key"), seed);
    if (status == 0) {
        keys_from_seed(&root, seed);
        sodium_memzero(seed, sizeof(seed));
        status = renew(folder, &root, rotate, days, &error);
        keys_wipe(&root);
    }
    if (status == 0) {
        data_folder_pin(folder, &pin);
        status = pin_print(&pin, text);
    }
    data_folder_close(folder);
    if (status != 0)
        return tell_failure(a, status, &error);
    printf("%s\n", text);
    fprintf(stderr,
            "The certificates are valid for %llu days. A running server uses them when it "
            "is started again.\n",
            (unsigned long long)days);
    return EXIT_DONE;
}

const struct command command_certify = {
    .name = "certify",
    .summary = "renew the root's certificates of the log and channel keys",
    .text = "The root key is needed for this alone. Prints the line that clients pin. The line "
            "names the channel key: after\n--rotate channel clients must pin the new one, and what "
            "the old one names is refused.",
    .options = options,
    .run = run,
};
