/*
 * Behaviour tables: text in the design's words, run against the real rules (no threads, no files).
 * A file holds scenarios; each begins with a fresh exchange whose account 1 is `admin`. A line
 * whose outcome differs from what it says fails the test with file and line.
 *
 *   # comment (a line of its own)
 *   scenario split a token [clock=manual] [activation_grace=1h] [meter_grace=2h]
 *                          [dispute_window=4h]         (these graces are what stands without them)
 *                          [approvals=1] [mint_limit=0] [payout_limit=0]   (in micro-credits)
 *                          [co_admins=bea,cem]         (accounts 2 and on, named and keyed so)
 *   accounts alice:startup bob:startup op:operator     the admin registers them, keys by name
 *
 *   <who>: <operation> <field>=<value>... => <outcome>
 *     alice: token_transfer inputs=[$t1] outputs=[{account=$bob amount_ucr=40}] => ok tokens=t2
 *     zoe: gift_claim gift=$g name=zoe => ok tokens=t9   (no account zoe: asks as a newcomer, and
 *                                                         is one afterwards)
 *   Fields left out: the least value allowed, the first word of an enum, empty text, zero bytes;
 *   keys and proofs are those of the actor (see `key:` below). A line ending in \ goes on.
 *
 *   <outcome>:  ok [object=NAME] [tokens=A,B,...] [leases=A,...]    each names what was issued, all
 *                                                  of it, in order; `_` names nothing
 *               refused token_spent               the operation was refused
 *               request_refused account_frozen    the request was
 *
 *   batch alice      (or: atomic alice)   one request of several operations, one a line, each with
 *     token_transfer ... => ok tokens=t2   its outcome; #0.1 names output 1 of operation 0
 *     token_burn inputs=[#0.0] => ok
 *     *5 token_burn ... => refused ...      the same line five times
 *   end [=> request_refused X]
 *   next valid=+11m      of the next request: valid_until (without it: in 5 minutes)
 *   next key=bob         of the next request: signed with bob's key
 *   next as=bob          of the next request: made in the name of bob's account (or account:77)
 *   next id=a            of the next request: the same id for the same word
 *   retry                sends the last request again: the same outcome, no event
 *   retry => request_refused X        ... but the request is refused now
 *   keep WORD, recall WORD            names the last request, makes it the last one again
 *   retry_changed => request_refused id_reused     the same id with another body (the flag
 *                        `atomic`; retry_changed valid=+9m: another valid_until)
 *
 *   <who> ? <query> <field>=<value>... => [rows=N] <field>=<value>...
 *     alice ? leases lease=$l1 => state=active gpus=8     fields of the answer's first row, or of
 *     alice ? quote skus=[...] ... => refusal=no_capacity the answer itself when it has no rows;
 *     stranger ? accounts => refused unknown_account          field[2]=v: of row 2
 *     alice ? quote ... why=true => funnel[2].offers=1        of item 2 of an answer without rows
 *
 *   <who> ? report kind=K <field>=<value>... => TABLE[ROW].COLUMN=value ... rows(TABLE)=N
 *     admin ? report kind=stress demand_down_ppm=100000 => months[2027-02].stressed_ucr=4cr
 *     op ? report kind=collateral => refused terms_invalid
 *     Made of the rows for whoever asks: the whole exchange for admins and auditors, their own for
 *     others; made again of the rows taken over by another exchange, it must be the same. ROW is a
 *     place (0 is the first), or what the row's first cells are: guarantors[lender], or several as
 *     months[2027-02/25%]. Values by the column's kind: 12.5cr, 25%, 2027-02, yes and no, a time,
 *     the number or name of what has one, `none`. notes(at_the_strike)=1 counts the notes with
 *     these words; `print` shows the report on stderr.
 *
 *   tick 1h          time goes on and what falls due is worked off at its very second
 *   tick             works off what is due now
 *   jump 1h          time goes on (to one group), nothing is worked off
 *   tick_once        one bounded tick
 *   restart outage=2h [clock=real|manual]     down for so long, then the start
 *   reload           the rows alone are taken over by another exchange that goes on
 *   expect events token_transferred request   the kinds logged by the last line that did something;
 *                        index_published and trade_cut are passed over where the line
 *                        does not name them
 *   expect balance alice s1 tokens=60 gifts=0 escrow=0 balance=0 paid_out=0 burned=0 expired=0
 *   expect supply s1 minted=100 tokens=60 ...             what is not named is not looked at
 *   expect tokens alice t1 t2                             all tokens of the account, in order
 *   expect channel bot alice       the channel key of bot speaks for alice (or: for nobody)
 *   expect time +1h                                       since the scenario began
 *   set NAME value                                        binds a number
 *
 * Values: 40, 0x10, 12.5cr (credits as micro-credits), $name (whatever a name is bound to), #0.1,
 * words of enums, flags as training|inference, true/false, bare or "quoted text", times as
 * `protocol/moment.h` says (+6h counts from now, `T+6h` from the scenario's begin), durations of
 * fields in minutes or seconds (90m), key:bob (bob's key of the field's kind), zero, bad (bytes
 * that do not verify), bytes:100 (so many), [list], {part}. Places for text: x*70 is 70 times x.
 *
 * The clock begins at 2027-01-15T08:00:00Z (1800000000), a whole minute.
 *
 * After each scenario: exchange_check() finds nothing; the same entries give a second exchange the
 * same events byte for byte; a third exchange takes over the rows and checks the same; and every
 * request's outcome is rebuilt from the log as it was.
 */
#ifndef BOURSE_TESTS_EXCHANGE_SCENARIO_H
#define BOURSE_TESTS_EXCHANGE_SCENARIO_H

/* Runs every scenario of a file; returns how many failed, with a line each on stderr. */
int scenario_run_file(const char *path);
/* The same of a text; `name` stands for the file in messages. */
int scenario_run_text(const char *name, const char *text);

#endif
