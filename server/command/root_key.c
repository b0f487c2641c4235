#include "server/command/root_key.h"

#include <string.h>

#include <sodium.h>

#include "protocol/buffer.h"
#include "protocol/keyfile.h"
#include "protocol/status.h"
#include "server/port/file.h"

enum { PASSPHRASE_BYTES_MAX = 1024 };

int root_key_read(const struct arguments *a, const char *path, uint8_t seed_out[KEYS_SEED_BYTES])
{
    const char *passphrase_path = arguments_get(a, "passphrase-file");
    struct buffer passphrase = BUFFER_EMPTY;
    int status = 0;
    if (passphrase_path != NULL) {
        status = file_load(passphrase_path, PASSPHRASE_BYTES_MAX, &passphrase);
        if (status != 0) {
            fprintf(stderr, "boursed %s: %s: %s\n", a->command->name, passphrase_path,
                    status_text(status));
            goto out;
        }
        const uint8_t *newline = memchr(passphrase.data, '\n', passphrase.length);
        if (newline != NULL)
            passphrase.length = (size_t)(newline - passphrase.data);
    }
    status = keyfile_read(path, passphrase.length > 0 ? passphrase.data : NULL, passphrase.length,
                          seed_out);
    if (status == STATUS_MISUSE)
        fprintf(stderr, "boursed %s: %s is sealed; --passphrase-file FILE opens it\n",
                a->command->name, path);
    else if (status == STATUS_FORGED)
        fprintf(stderr, "boursed %s: %s: wrong passphrase, or the file was changed\n",
                a->command->name, path);
    else if (status != 0 && status != STATUS_NOT_FOUND)
        fprintf(stderr, "boursed %s: %s: %s\n", a->command->name, path, status_text(status));
out:
    buffer_wipe(&passphrase);
    return status;
}
