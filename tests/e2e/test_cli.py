"""The command `bourse`, as people and scripts use it: every subcommand, its words and its JSON,
exit codes, errors that say what to do, help and completion."""
import json
import os
import re
import shutil
import subprocess
import unittest

import tap
from exchange import BOURSE, CREDIT, Exchange, run
from keys import Keys
from user import CONNECTION, LOCAL, OK, REFUSED, UNTRUSTED, USAGE, Desk, User


class Cli(Desk):
    def test_accounts(self):
        """freeze, unfreeze and rekey; sealed key files"""
        with Exchange() as x:
            users = self.market(x)
            admin, acme = users["admin"], users["acme"]
            admin.ok("account", "freeze", "acme", "--reason", "a question")
            self.assertIn("frozen", acme.ok("account", "show"))
            self.assertIn("frozen", acme.ok("status"))
            self.assertIn("account_frozen", acme.fails(REFUSED, "token", "burn", "1"))
            admin.ok("account", "unfreeze", "acme")
            acme.ok("account", "rekey", "new.key")
            self.assertEqual(acme.json("status", "--key", "new.key")["you"], 2)
            self.assertEqual(acme.json("status")["you"],
                             2 if "new.key" in acme.ok("config", "show") else 0)
            acme.ok("token", "transfer", "beta=1", "--key", "new.key")

            (acme.home / "words").write_text("correct horse\n")
            (acme.home / "wrong").write_text("battery staple\n")
            acme.ok("keygen", "sealed.key", "--seal", "--passphrase-file", "words")
            self.assertNotIn("seed:", (acme.home / "sealed.key").read_text())
            acme.ok("status", "--key", "sealed.key", "--passphrase-file", "words")
            self.assertIn("passphrase", acme.fails(LOCAL, "status", "--key", "sealed.key",
                                                   "--passphrase-file", "wrong"))
            acme.fails(LOCAL, "keygen", "sealed.key")
            public = acme.ok("keygen", "-o", "other.key")
            self.assertEqual(acme.ok("keygen", "--show", "other.key"), public)
            os.chmod(acme.home / "new.key", 0o644)
            self.assertIn("chmod", acme.fails(LOCAL, "status", "--key", "new.key"))

    def test_keys(self):
        """a bot's key: asked for, added under limits, refused beyond them, removed"""
        with Exchange() as x:
            users = self.market(x)
            acme, beta = users["acme"], users["beta"]
            number = acme.json("status")["you"]
            # Somebody else makes the key: the secret never leaves them.
            bot = User(x, "bot", key=False)
            (bot.home / ".config" / "bourse").mkdir(parents=True, exist_ok=True)
            bot.ok("keygen")
            self.assertEqual(os.stat(bot.home / ".config/bourse/key").st_mode & 0o777, 0o600)
            line = bot.ok("key", "request", str(number)).strip()
            self.assertEqual(bot.json("key", "request", str(number))["request"], line)
            self.assertEqual(bot.json("status")["you"], 0)
            bot.fails(USAGE, "key", "request", "acme")
            bot.fails(USAGE, "key", "request", "0")
            # Lines that cannot be meant are refused before anything is sent.
            self.assertIn("account", beta.fails(USAGE, "key", "add", line))
            self.assertIn("all of it", acme.fails(USAGE, "key", "add", line[:-1]))
            acme.fails(USAGE, "key", "add", line, "--scopes", "everything")
            acme.fails(USAGE, "key", "add", line, "--daily", "0")
            made = acme.json("key", "add", line, "--label", "bot", "--scopes", "orders,credits",
                             "--daily", "100", "--expires", "+30d")
            self.assertEqual(made["account"], number)
            self.assertIn("key_taken", acme.fails(REFUSED, "key", "add", line))
            # The bot is the account now, within its limits.
            self.assertEqual(bot.json("status")["you"], number)
            self.assertIn("acme", bot.ok("status"))
            bot.ok("token", "transfer", "beta=99")
            said = bot.fails(REFUSED, "token", "transfer", "beta=2")
            self.assertIn("key_over_amount", said)
            self.assertIn("100 credits a day (UTC), and has moved 99 today", said)
            said = bot.fails(REFUSED, "lease", "end", "1")
            self.assertIn("key_out_of_scope", said)
            self.assertIn("It may sign: credits, orders.", said)
            self.assertIn("bot; may sign: credits, orders; 99 of 100", bot.ok("status"))
            self.assertIn("main_key_needed", bot.fails(REFUSED, "key", "remove", "bot"))
            self.assertIn("main_key_needed", bot.fails(REFUSED, "account", "rekey", "new.key"))
            [row] = acme.json("key", "list")
            self.assertEqual((row["label"], row["scopes"], row["spent_today_ucr"]),
                             ("bot", ["credits", "orders"], 99 * CREDIT))
            self.assertIn("bot", bot.ok("key", "list"))
            # Its right to listen ends with it, on connections that are open, too.
            follower = subprocess.Popen(
                [BOURSE, "events", "--follow", "--json"], env=bot.environment, cwd=bot.home,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertIn("genesis", follower.stdout.readline() + follower.stdout.readline())
            acme.fails(REFUSED, "key", "remove", "nobody")
            removed = acme.json("key", "remove", "bot")["index"]
            acme.ok("token", "transfer", "beta=1")
            users["admin"].ok("sku", "add", "h200", "--vendor", "NVIDIA", "--model", "H200",
                              "--memory-gb", "141", "--power-w", "900")
            seen = {}
            for text in follower.stdout:
                event = json.loads(text)
                seen[event["index"]] = event["event"]
                if event["event"] == "sku_added" and event["index"] > removed:
                    break
            follower.kill()
            follower.communicate()
            self.assertEqual([kind for index, kind in seen.items() if index >= removed],
                             ["sku_added"])
            self.assertEqual(acme.json("key", "list"), [])
            self.assertEqual(bot.json("status")["you"], 0)
            bot.fails(REFUSED, "token", "transfer", "beta=1")
            # By its public key, too; and a key that expires speaks for nobody from that second on,
            # and is told so.
            acme.ok("key", "add", line, "--expires", "+1h", "--scopes", "credits")
            bot.ok("token", "transfer", "beta=1")
            self.assertRegex(acme.ok("key", "list"), r"credits +no limit")
            self.assertIn("may sign: credits; expires", bot.ok("status"))
            x.advance(3600)
            status = bot.json("status")
            self.assertEqual((status["you"], [k["scopes"] for k in status["keys"]]),
                             (0, [["credits"]]))
            self.assertRegex(bot.ok("status"), "expired .*\n.*nobody, until the main key")
            for command in (("balance",), ("token", "transfer", "beta=1"), ("order", "cancel", "1"),
                            ("key", "list"), ("redeem", "--sku", "gb300=5", "--gpus", "1",
                                              "--duration", "1h")):
                self.assertIn("key_expired", bot.fails(REFUSED, *command))
            bot.ok("offer", "list")
            acme.ok("key", "remove", bot.ok("keygen", "--show").strip())
            self.assertEqual(bot.json("status")["keys"], [])
            self.assertIn("removed", bot.fails(REFUSED, "balance"))
            # Without scopes it may only look, and the list says so.
            acme.ok("key", "add", line, "--label", "looker")
            self.assertRegex(acme.ok("key", "list"), r"looker +none +no limit")
            self.assertIn("may only look", bot.ok("status"))
            acme.ok("key", "remove", bot.ok("keygen", "--show").strip())

    def test_errors(self):
        """errors go to stderr, name what is wrong and what to do, with an exit code per class"""
        with Exchange() as x:
            users = self.market(x)
            acme = users["acme"]
            rows = [
                (USAGE, ("tokn",), "did you mean 'token'?"),
                (USAGE, ("token", "transferr", "x=1"), "did you mean 'transfer'?"),
                (USAGE, ("quote", "--gpu", "8"), "did you mean --gpus?"),
                (USAGE, ("quote", "--jsn"), "did you mean --json?"),
                (USAGE, ("market", "index", "gb300", "--kind", "x"), "is no trade kind; there are"),
                (USAGE, ("quote", "--sku", "gb300", "--gpus", "8x", "--duration", "1h"),
                 "--gpus: '8x'"),
                (USAGE, ("market", "trades", "--limit", "-1"), "--limit: '-1'"),
                (USAGE, ("token", "transfer", "beta=0"), "must be above 0"),
                (USAGE, ("book", "gb300", "--from", "+2h", "--until", "+1h"), "--until must lie"),
                (USAGE, ("book", "gb300", "--until", "2020-01-01"), "--until must lie"),
                (USAGE, ("token", "transfer", "beta"), "AMOUNT"),
                (USAGE, ("token", "transfer", "beta=1.2345678"), "1.2345678"),
                (USAGE, ("token", "transfer", "beta=-1"), "-1"),
                (USAGE, ("token", "list", "--frobnicate"), "frobnicate"),
                (USAGE, ("token", "list", "--limit"), "limit"),
                (USAGE, ("token", "show", "abc"), "abc"),
                (USAGE, ("quote", "--sku", "gb300", "--gpus", "8"), "duration"),
                (USAGE, ("quote", "--sku", "gb300", "--gpus", "8", "--duration", "5 parsecs"),
                 "parsecs"),
                (USAGE, ("redeem", "--sku", "gb300", "--gpus", "8", "--duration", "1h"), "limit"),
                (USAGE, ("account", "register", "x", "nokey", "--role", "startup"), "bourse-key"),
                (USAGE, ("clock", "advance", "yesterdayish"), "yesterdayish"),
                (USAGE, ("quote", "--sku", "gb300", "--gpus", "0", "--duration", "1h"),
                 "--gpus: 0 is below 1"),
                (USAGE, ("redeem", "--sku", "gb300", "--gpus", "0", "--duration", "1h",
                         "--any-price"), "--gpus: 0 is below 1"),
                (USAGE, ("quote", "--sku", "gb300", "--gpus", "8", "--duration", "0m"),
                 "--duration: 0 is below 1"),
                (USAGE, ("quote", "--sku", "gb300,1", "--gpus", "8", "--duration", "1h"), "twice"),
                (USAGE, ("sku", "add", "", "--vendor", "v", "--model", "m", "--memory-gb", "1",
                         "--power-w", "1"), "NAME: must not be empty"),
                (USAGE, ("sku", "add", "a\nb", "--vendor", "v", "--model", "m", "--memory-gb",
                         "1", "--power-w", "1"), "NAME: a line break"),
                (USAGE, ("sku", "show", "a\nb"), "line break"),
                (USAGE, ("mint", "1", *["2=1"] * 2001), "ACCOUNT=AMOUNT: 2001 items is above 2000"),
                (USAGE, ("payout", "spring", "1", "--reference", ""),
                 "--reference: must not be empty"),
                (USAGE, ("site", "add", "x", "--region", "id", "--power-kw", "1"), "ISO 3166"),
                (USAGE, ("token", "claim", "bourse-gift:v1:x"), "--file or standard input"),
                (REFUSED, ("mint", "spring", "acme=1"), "not_permitted"),
                (REFUSED, ("order", "cancel", "99"), "no such order (order_not_found). 'bourse"),
                (REFUSED, ("balance", "beta"), "'bourse status'"),
                (LOCAL, ("order", "place", "--file", "missing.csv"), "there is no such file"),
                (REFUSED, ("token", "transfer", "nobody=1"), "account list"),
                (REFUSED, ("token", "show", "999"), "token"),
                (REFUSED, ("token", "transfer", "beta=100000"), ""),
                (REFUSED, ("quote", "--sku", "gb300", "--gpus", "8", "--duration", "1h"),
                 "no_capacity"),
                (REFUSED, ("lease", "show", "77"), "lease list"),
                (REFUSED, ("receipt", "99999999"), "event"),
                (CONNECTION, ("status", "--server", "127.0.0.1:1"), "127.0.0.1:1"),
                (LOCAL, ("status", "--key", "missing.key"), "keygen"),
                (LOCAL, ("verify", "missing.receipt"), "missing.receipt"),
            ]
            for code, arguments, word in rows:
                with self.subTest(arguments=arguments):
                    done = acme(*arguments)
                    self.assertEqual(done.returncode, code, done.stderr)
                    self.assertIn(word, done.stderr)
                    self.assertEqual(done.stdout, "")
                    self.assertNotIn("\033", done.stderr)
            self.assertIn("not_permitted", users["audit"].fails(
                REFUSED, "redeem", "--sku", "gb300=3", "--gpus", "8", "--duration", "1h"))
            self.assertIn("cannot freeze itself", users["admin"].fails(REFUSED, "account", "freeze",
                                                                       "admin"))
            self.offer(users)
            self.assertIn("from 2.5 credits per GPU-hour", acme.fails(
                REFUSED, "redeem", "--sku", "gb300=2", "--gpus", "8", "--duration", "1h"))
            users["admin"].ok("sku", "retire", "h100")
            self.assertIn("h100 is retired", acme.fails(
                REFUSED, "quote", "--sku", "gb300,h100", "--gpus", "8", "--duration", "1h"))
            self.assertIn("gb300 is deprecated now",
                          users["admin"].ok("sku", "deprecate", "1"))
            told = acme("mint", "spring", "acme=1", "--json")
            error = json.loads(told.stderr)["error"]
            self.assertEqual((error["refusal"], error["exit_code"], told.stdout),
                             ("not_permitted", REFUSED, ""))
            empty = User(x, "empty", key=False, config=False)
            self.assertIn("--exchange", empty("status").stderr)
            shutil.copytree(acme.home / ".config", empty.home / ".config")
            other = Exchange(origin="example.org/other", start=False)
            done = empty("status", "--exchange", other.pin.line)
            self.assertIn(done.returncode, (CONNECTION, UNTRUSTED), done.stderr)
            other.finalizer()

    def test_help(self):
        """help is there at every level, and names every subcommand"""
        def walk(path):
            done = run(BOURSE, *path, "--help", env={"HOME": "/nonexistent"})
            self.assertEqual(done.returncode, OK, path)
            self.assertIn("Usage: bourse", done.stdout)
            self.assertEqual(done.stderr, "")
            children = re.search(r"^Commands:\n((?:  .*\n)+)", done.stdout, re.M)
            count = 1
            for child in re.findall(r"^  (\S+)", children.group(1), re.M) if children else ():
                count += walk([*path, child])
            return count
        self.assertGreater(walk([]), 60)
        text = run(BOURSE, "--help", env={}).stdout
        for word in ("keygen", "account", "sku", "site", "series", "mint", "token", "offer",
                     "quote", "redeem", "order", "lease", "balance", "payout", "supply", "events",
                     "receipt", "verify"):
            self.assertRegex(text, rf"(?m)^  {word} ")
        self.assertRegex(run(BOURSE, "--version", env={}).stdout, r"\d+\.\d+")
        self.assertNotEqual(run(BOURSE, env={}).returncode, OK)

    def complete(self, script, line):
        words = line.split(" ")
        program = f"""source '{script}'
COMP_WORDS=({' '.join("'" + w + "'" for w in words)}); COMP_CWORD={len(words) - 1}
_bourse; printf '%s\\n' "${{COMPREPLY[@]}}" """
        return subprocess.run(["bash", "-c", program], capture_output=True, text=True,
                              check=True).stdout.split()

    def test_completion(self):
        """the completion script completes commands, subcommands and options in bash"""
        with Exchange(start=False) as x:
            script = x.folder / "completion"
            script.write_text(run(BOURSE, "completion", env={}).stdout)
            self.assertIn("token", self.complete(script, "bourse to"))
            self.assertEqual(self.complete(script, "bourse token tr"), ["transfer"])
            self.assertIn("--series", self.complete(script, "bourse token transfer --s"))
            self.assertIn("--json", self.complete(script, "bourse token transfer --j"))
            self.assertIn("--role", self.complete(script, "bourse account register --"))
            self.assertEqual(self.complete(script, "bourse --server h:1 tok"), ["token"])
            self.assertEqual(self.complete(script, "bourse account register --role a"),
                             ["admin", "auditor"])

    def test_submit(self):
        """a file of operations as one signed request, atomic or not"""
        with Exchange() as x:
            users = self.market(x)
            acme = users["acme"]
            token = acme.json("token", "list")[0]["token"]
            me, beta = 2, 3
            operations = [
                {"operation": "token_transfer", "inputs": [token], "outputs": [
                    {"account": me, "amount_ucr": "999.5"},
                    {"account": beta, "amount_ucr": 500000}]},
                {"operation": "token_burn", "inputs": [token]}]
            done = acme("submit", "-", "--atomic", input_text=json.dumps(operations))
            self.assertEqual(done.returncode, REFUSED)
            self.assertIn("token_spent", done.stdout + done.stderr)
            self.assertEqual([t["token"] for t in acme.json("token", "list")], [token])
            acme("submit", "-", input_text=json.dumps(operations))
            self.assertEqual([t["amount_ucr"] for t in acme.json("token", "list")], [999_500_000])
            self.assertIn("inputz", acme.fails(USAGE, "submit", "-", input_text=json.dumps(
                [{"operation": "token_burn", "inputz": [1]}])))

    def test_hostile_names(self):
        """control characters that others chose never reach the terminal"""
        with Exchange() as x:
            users = self.market(x)
            self.offer(users)
            acme, gridco = users["acme"], users["gridco"]
            lease = acme.json("redeem", "--sku", "gb300=3", "--gpus", "1", "--duration",
                              "1h")["leases"][0]
            gridco.fails(USAGE, "lease", "end", "\033[31m")
            (gridco.home / "access").write_bytes(b"\033]0;owned\007")
            gridco.ok("lease", "activate", lease, "--access-file", "access")
            # To a file or pipe the bytes go as they are: they may be binary.
            self.assertEqual(acme.ok("lease", "access", lease).encode(), b"\033]0;owned\007")

    def test_hidden_characters(self):
        """names that turn text round or take no room are spelt out for people"""
        with Exchange() as x:
            admin = User(x, "admin")
            name = "ab\u202eevil\u2069\u200b\U000e0041"
            spelt = "ab\\u202eevil\\u2069\\u200b\\U000e0041"
            told = admin("account", "register", name, Keys.named("mallory").text(), "--role",
                         "guarantor")
            self.assertEqual(told.returncode, 0)
            admin.ok("series", "create", "gift", "--funder", name, "--expires", "+30d")
            admin.ok("mint", "gift", f"{name}=5")
            texts = [told.stdout, *(admin.ok(*words) for words in (
                ("account", "list"), ("account", "show", name), ("series", "list"),
                ("series", "show", "gift"), ("events",), ("supply", "gift"),
                ("report", "exposure", "--account", name), ("token", "list", "--account", name)))]
            texts.append(admin.fails(REFUSED, "account", "show", name + "x"))
            for text in texts:
                self.assertFalse([c for c in name if c in text and not c.isascii()], text)
            self.assertTrue(all(spelt in text for text in texts[1:5]), texts)
            for words in (("account", "list"), ("report", "exposure", "--account", name)):
                text = admin.ok(*words, "--json")
                self.assertFalse([c for c in name if c in text and not c.isascii()], text)
            self.assertIn(name, [a["name"] for a in admin.json("account", "list")])

    def test_concurrent(self):
        """several commands of one user at once keep one head of the log and lose nothing"""
        with Exchange() as x:
            users = self.market(x)
            acme = users["acme"]
            processes = [subprocess.Popen(
                [str(BOURSE), "token", "transfer", "beta=1", "--tokens", str(t), "--json"],
                env=acme.environment, cwd=acme.home, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True) for t in self.ten_tokens(acme)]
            for process in processes:
                out, err = process.communicate(timeout=120)
                self.assertEqual(process.returncode, OK, err)
            self.assertEqual(users["beta"].json("balance")[0]["tokens_ucr"], 260_500_000)
            acme.ok("status")


class Real(unittest.TestCase):
    def test_bench(self):
        """bench transfer starts a server of its own and prints its figures"""
        done = run(BOURSE, "bench", "transfer", "--batch", "100", "--tokens", "2000",
                   "--seconds", "2", "--json",
                   env={**os.environ}, timeout=300)
        self.assertEqual(done.returncode, OK, done.stderr)
        figures = json.loads(done.stdout)
        self.assertGreater(figures["ops_per_s"], 0)
        self.assertLessEqual(figures["p50_ms"], figures["p99_ms"])
        tap.note(f"{figures['ops_per_s']:.0f} transfers/s in this small run")

    def test_bench_redeem(self):
        """bench redeem starts servers of its own and prints a curve for each shape of market"""
        done = run(BOURSE, "bench", "redeem", "--quick", "--json", env={**os.environ}, timeout=300)
        self.assertEqual(done.returncode, OK, done.stderr)
        shapes = {shape["shape"]: shape for shape in json.loads(done.stdout)["shapes"]}
        for name in ("redeem_alike", "redeem_sold_out", "redeem_elsewhere", "ask_alike",
                     "ask_too_large", "ask_elsewhere", "ask_other_times", "ask_too_long"):
            points = shapes[name]["points"]
            self.assertEqual([point["count"] for point in points], [200, 400])
            for point in points:
                works = {"measured", "floor_transfer"}
                works |= {"floor_publish"} if name.startswith("ask") else set()
                self.assertEqual(set(point) - {"count"}, works)
                for work in works:
                    self.assertEqual(point[work]["samples"], 10)
                    self.assertGreater(point[work]["wall_us"], 0)
            self.assertEqual(points[0]["measured"]["wall_ratio"], 1)


if __name__ == "__main__":
    tap.main()
