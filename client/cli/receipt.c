#include "client/cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "client/json.h"
#include "client/paths.h"
#include "protocol/events.h"
#include "protocol/moment.h"
#include "protocol/receipt.h"
#include "protocol/status.h"

static void trust_of(const struct pin *pin, struct checkpoint_trust *out)
{
    /* A receipt stays good when the certificate of its day has run out. */
    *out = (struct checkpoint_trust){pin->origin, pin->root, pin->exchange_id, 0};
}

int command_receipt(struct cli *cli, int argc, char **argv)
{
    struct checkpoint_trust trust;
    struct receipt r;
    struct note_error why;
    const char *file = option_text(cli, "output");
    (void)argc;
    struct q_receipt q = {.index = value_u64(cli, "INDEX", argv[0])};
    cli->missing = "there is no such event, or it does not concern you; see 'bourse events'";
    const struct a_receipt *a = cli->exit == CLI_OK ? cli_query(cli, &q_receipt_message, &q) : NULL;
    if (a == NULL)
        return cli->exit;
    trust_of(&cli->config.pin, &trust);
    int status = receipt_verify(&trust, (const char *)a->receipt.data, a->receipt.length, &r, &why);
    if (status != STATUS_OK)
        return cli_fail(cli, CLI_UNTRUSTED, "the exchange gave a receipt that does not verify: %s",
                        why.text);
    bool other = r.index != q.index;
    receipt_release(&r);
    if (other)
        return cli_fail(cli, CLI_UNTRUSTED, "the exchange gave the receipt of another event");
    if (file != NULL) {
        status = paths_replace(file, 0644, a->receipt.data, a->receipt.length);
        if (status != STATUS_OK)
            return cli_fail(cli, CLI_LOCAL, "cannot write %s: %s", file, status_text(status));
    }
    if (cli->json)
        return cli_print_json(
            cli, file != NULL
                     ? json_pack("{s:I, s:s}", "index", (json_int_t)q.index, "file", file)
                     : json_pack("{s:I, s:s%}", "index", (json_int_t)q.index, "receipt",
                                 (const char *)a->receipt.data, (size_t)a->receipt.length));
    if (file != NULL)
        cli_note(cli, "Wrote %s; 'bourse verify %s' checks it without the exchange.\n", file, file);
    else
        fwrite(a->receipt.data, 1, a->receipt.length, stdout);
    return cli->exit;
}

static int verified_json(struct cli *cli, const struct receipt *r, const struct message *m,
                         const void *body)
{
    char root[65];
    sodium_bin2hex(root, sizeof(root), r->checkpoint.root, 32);
    json_t *event = message_to_json(m, body);
    return cli_print_json(cli,
                          json_pack("{s:b, s:s, s:I, s:I, s:s, s:s, s:o}", "verified", 1, "origin",
                                    cli->config.pin.origin, "index", (json_int_t)r->index,
                                    "log_size", (json_int_t)r->checkpoint.size, "log_root", root,
                                    "event", m->name, "fields", event));
}

/* What the receipt proves, decoded from its own bytes. */
static int verified_print(struct cli *cli, const struct receipt *r)
{
    const struct message *m = NULL;
    const void *body = NULL;
    struct decode_error why;
    struct buffer value = BUFFER_EMPTY;
    struct buffer title = BUFFER_EMPTY;
    int status = event_decode(r->event.data, r->event.length, &cli->arena, &m, &body, &why);
    if (status != STATUS_OK)
        return cli_fail(cli, CLI_UNTRUSTED,
                        "the receipt is genuine, but its event is not understood: %s", why.text);
    if (cli->json)
        return verified_json(cli, r, m, body);
    cli_print(cli, "verified: event %" PRIu64 " of %s, in its log of %" PRIu64 " events\n",
              r->index, cli->config.pin.origin, r->checkpoint.size);
    cli_print(cli, "  event: %s\n", m->name);
    for (uint32_t i = 0; i < m->fields_count; i++) {
        const struct field *f = &m->fields[i];
        buffer_clear(&value);
        if (f->kind == FIELD_ACCOUNT || f->kind == FIELD_SERIES || f->kind == FIELD_NUMBER) {
            uint64_t number = 0; /* names are for the exchange to know: this is offline */
            memcpy(&number, (const uint8_t *)body + f->offset, f->kind == FIELD_NUMBER ? 8 : 4);
            buffer_printf(&value, "%" PRIu64, number);
        } else {
            field_print(cli, m, f, body, &value);
        }
        buffer_clear(&title);
        field_title(f, ' ', false, &title);
        cli_print(cli, "  %.*s: %.*s\n", (int)title.length, (const char *)title.data,
                  (int)value.length, (const char *)value.data);
    }
    buffer_release(&value);
    buffer_release(&title);
    return cli->exit;
}

int command_verify(struct cli *cli, int argc, char **argv)
{
    struct buffer text = BUFFER_EMPTY;
    struct checkpoint_trust trust;
    struct receipt r;
    struct note_error why = {.text = ""};
    (void)argc;
    if (cli_configure(cli) != CLI_OK)
        return cli->exit;
    if (cli->config.exchange == NULL)
        return cli_fail(cli, CLI_USAGE,
                        "of which exchange? Give the line that 'boursed init' printed with "
                        "--exchange, or configure it");
    if (cli_read_file(cli, argv[0], RECEIPT_BYTES_MAX, &text) == CLI_OK) {
        /* Nothing here may ask the exchange for a name. */
        for (int i = 0; i < NAMED_KINDS; i++)
            cli->names[i] = (struct cli_names){.asked = true, .missed = UINT32_MAX};
        trust_of(&cli->config.pin, &trust);
        int status = receipt_verify(&trust, (const char *)text.data, text.length, &r, &why);
        if (status == STATUS_OK) {
            verified_print(cli, &r);
            receipt_release(&r);
        } else {
            cli_fail(cli, CLI_UNTRUSTED, "NOT verified: %s",
                     why.text[0] != '\0' ? why.text : status_text(status));
        }
    }
    buffer_release(&text);
    return cli->exit;
}
