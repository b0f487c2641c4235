"""`bourse import`: the same outcome each time, a plot of it, progress, bad lines."""
import json
import os
import pathlib
import pty
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import tap
from exchange import BOURSE, run
from user import LOCAL, OK


class Import(unittest.TestCase):
    def test_import(self):
        """a small trace gives the same log root every time, and an outcome for each task"""
        with tempfile.TemporaryDirectory(prefix="bourse-e2e-trace-") as folder:
            folder = pathlib.Path(folder)
            (folder / "nodes.csv").write_text(
                "sn,cpu_milli,memory_mib,gpu,model\n" +
                "".join(f"n{i},96000,393216,8,{'V100M32' if i % 2 else 'G3'}\n"
                        for i in range(6)) + "c1,96000,393216,0,\n")
            (folder / "tasks.csv").write_text(
                "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,"
                "deletion_time,scheduled_time\n" +
                "".join(f"t{i},1000,1024,{1 + i % 8},1000,"
                        f"{['', 'G3', 'V100M32', 'G3|V100M32'][i % 4]},{'LS' if i % 2 else 'BE'},"
                        f"Succeeded,{i * 97},{i * 97 + 60 * (1 + i % 50)},{i * 97}\n"
                        for i in range(80)))
            results = []
            for seed in (1, 1, 2):
                done = run(BOURSE, "import", "--nodes", folder / "nodes.csv", "--tasks",
                           folder / "tasks.csv", "--seed", seed, "--json",
                           env={**os.environ, "HOME": str(folder)}, timeout=300)
                self.assertEqual(done.returncode, OK, done.stderr)
                results.append(json.loads(done.stdout))
            one, two, other = results
            self.assertEqual(one["tasks"], 80)
            self.assertEqual(sum(one["outcomes"].values()), 80)
            self.assertEqual(one["log_root"], two["log_root"])
            self.assertNotEqual(one["log_root"], other["log_root"])
            for key in ("refusals", "gpu_hours_sold", "utilisation", "credits_settled",
                        "redemptions_per_s", "wall_s"):
                self.assertIn(key, one)

    def test_import_whole_book(self):
        """orders that rest, are spread and are preempted; the same twice, and a plot of it"""
        with tempfile.TemporaryDirectory(prefix="bourse-e2e-trace-") as folder:
            folder = pathlib.Path(folder)
            self.write_crowd(folder)
            results = []
            for name in ("one.svg", "two.svg"):
                done = self.run_import(
                    folder, "--operators", "2", "--resting", "50", "--rest", "4h", "--spread", "20",
                    "--preemptible", "30", "--reclaim", "50", "--standing", "30",
                    "--price-spread", "10", "--plot", folder / name)
                self.assertEqual(done.returncode, OK, done.stderr)
                results.append(json.loads(done.stdout))
            one, two = results
            self.assertEqual(one["log_root"], two["log_root"])
            self.assertEqual(one["outcomes"], two["outcomes"])
            self.assertEqual(sum(one["outcomes"].values()), 300)
            for outcome in ("filled", "filled_later", "expired", "refused"):
                self.assertGreater(one["outcomes"][outcome], 0, outcome)
            for count in ("leases_ahead", "ended_early", "reclaimed", "rest_hours_mean"):
                self.assertGreater(one[count], 0, count)
            self.assertNotEqual(one["price_of_base"], 1)
            self.check_plot(folder / "one.svg", one)
            self.assertEqual((folder / "one.svg").read_bytes(), (folder / "two.svg").read_bytes())

    def test_import_progress(self):
        """on a terminal a bar grows to its full length and fits a line, whatever the file's size"""
        with tempfile.TemporaryDirectory(prefix="bourse-e2e-trace-") as folder:
            folder = pathlib.Path(folder)
            self.write_crowd(folder, 3000)
            ours, theirs = pty.openpty()
            with subprocess.Popen([BOURSE, "import", "--nodes", folder / "nodes.csv", "--tasks",
                                   folder / "tasks.csv"], stdout=subprocess.DEVNULL, stderr=theirs,
                                  env={**os.environ, "HOME": str(folder)}) as process:
                os.close(theirs)
                drawn = b""
                try:
                    while more := os.read(ours, 65536):
                        drawn += more
                except OSError:  # the terminal is closed
                    pass
                self.assertEqual(process.wait(timeout=300), OK, drawn)
            os.close(ours)
            bars = re.findall(r"\[(#*)(\.*)\] (\d+)/(\d+) tasks  (\S+)", drawn.decode())
            self.assertGreater(len(bars), 2)
            self.assertEqual([b[3] for b in bars], ["3000"] * len(bars))
            self.assertEqual([int(b[2]) for b in bars], sorted(int(b[2]) for b in bars))
            for full, empty, done, _, _ in bars:
                self.assertEqual(len(full) + len(empty), 40)
                self.assertAlmostEqual(len(full), int(done) / 3000 * 40, delta=1)
            self.assertEqual(bars[-1][2], "3000")
            self.assertLess(max(len(line) for line in drawn.decode().split("\r")), 80)

    def check_plot(self, file, result):
        """well-formed, light, without script; its lines are named and show the shares reported"""
        self.assertLess(file.stat().st_size, 200_000)
        svg = "{http://www.w3.org/2000/svg}"
        root = xml.etree.ElementTree.parse(file).getroot()
        self.assertEqual(root.tag, svg + "svg")
        self.assertEqual(root.get("viewBox"), "0 0 900 360")
        self.assertIsNone(root.find(f".//{svg}script"))
        texts = [t.text for t in root.iter(svg + "text")]
        self.assertIn("leased, % of the GPUs offered", texts)
        self.assertIn("time (UTC)", texts)
        lines = {p.find(svg + "title").text: p.get("d") for p in root.iter(svg + "path")
                 if p.get("class") == "line"}
        self.assertEqual(len(lines), 4)
        for name, share in {"all": result["utilisation_all"], **result["utilisation"]}.items():
            found = [text for text in lines if text.startswith(name + " (")]
            self.assertEqual(len(found), 1, lines)
            # The last step may reach beyond the trade, where there is nothing.
            shown = float(re.search(r"\(([0-9.]+) %\)", found[0]).group(1))
            self.assertAlmostEqual(shown, 100 * share, delta=0.5)

    def test_import_bad_lines(self):
        """bad lines are named and end it, or are skipped on request; so is a plot that cannot be"""
        with tempfile.TemporaryDirectory(prefix="bourse-e2e-trace-") as folder:
            folder = pathlib.Path(folder)
            self.write_crowd(folder, 5)
            with open(folder / "tasks.csv", "a", encoding="ascii") as tasks:
                tasks.write("1,T4,LS,0\n" + "none,T4,LS,0,60\n" * 30)
            done = self.run_import(folder)
            self.assertEqual(done.returncode, LOCAL)
            self.assertIn(f"{folder}/tasks.csv:7: 4 columns where the first line has 5",
                          done.stderr)
            self.assertIn(f"{folder}/tasks.csv:26: num_gpu: not a whole number", done.stderr)
            self.assertNotIn("tasks.csv:27:", done.stderr)
            self.assertIn("tasks.csv: 31 lines are wrong, of which the first 20", done.stderr)
            self.assertEqual(done.stdout, "")
            done = self.run_import(folder, "--skip-bad")
            self.assertEqual(done.returncode, OK, done.stderr)
            result = json.loads(done.stdout)
            self.assertEqual(result["tasks"], 5)
            self.assertEqual(result["skipped"]["tasks"], 31)
            self.assertEqual(result["skipped"]["nodes"], 0)
            self.assertEqual(len(result["skipped"]["lines"]), 21)
            for file in (folder / "none" / "plot.svg", folder):
                done = self.run_import(folder, "--skip-bad", "--plot", file)
                self.assertEqual(done.returncode, LOCAL)
                self.assertIn(f"--plot {file}", done.stderr)

    @staticmethod
    def write_crowd(folder, count=300):
        (folder / "nodes.csv").write_text(
            "gpu,model\n" + "".join(f"2,{'G2' if i % 2 else 'T4'}\n" for i in range(6)))
        (folder / "tasks.csv").write_text(
            "num_gpu,gpu_spec,qos,creation_time,deletion_time\n" +
            "".join(f"{3 if i % 9 == 8 else 1},{['', 'T4', 'G2'][i % 3]},"
                    f"{'LS' if i % 2 else 'BE'},{i * 700},"
                    f"{i * 700 + 60 * (5 + i * 37 % 400)}\n" for i in range(count)))

    @staticmethod
    def run_import(folder, *options):
        return run(BOURSE, "import", "--nodes", folder / "nodes.csv", "--tasks",
                   folder / "tasks.csv", "--json", *options,
                   env={**os.environ, "HOME": str(folder)}, timeout=300)


tap.main()
