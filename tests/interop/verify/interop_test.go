// Package interop verifies what log_fixture wrote with code that others wrote for other logs:
// golang.org/x/mod/sumdb/note and golang.org/x/mod/sumdb/tlog.
package interop

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const origin = "example.org/bourse"

func folder(t *testing.T) string {
	dir := os.Getenv("BOURSE_FIXTURE")
	if dir == "" {
		t.Fatal("BOURSE_FIXTURE names no folder; run.sh sets it")
	}
	return dir
}

func read(t *testing.T, name string) []byte {
	data, err := os.ReadFile(filepath.Join(folder(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// names returns the files that begin with prefix; there must be some.
func names(t *testing.T, prefix string) []string {
	found, err := filepath.Glob(filepath.Join(folder(t), prefix+"*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no files %s*: %v", prefix, err)
	}
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	return found
}

func verifiers(t *testing.T) note.Verifiers {
	v, err := note.NewVerifier(string(read(t, "verifier")))
	if err != nil {
		t.Fatal(err)
	}
	if v.Name() != origin {
		t.Fatalf("the verifier's name is %q", v.Name())
	}
	return note.VerifierList(v)
}

// open verifies a checkpoint; the root's delegation line must be skipped as an unknown key's.
func open(msg []byte, known note.Verifiers) (int64, tlog.Hash, error) {
	var hash tlog.Hash
	n, err := note.Open(msg, known)
	if err != nil {
		return 0, hash, err
	}
	if len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 1 || n.UnverifiedSigs[0].Name != origin {
		return 0, hash, fmt.Errorf("%d known and %d unknown signatures", len(n.Sigs),
			len(n.UnverifiedSigs))
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != origin || lines[3] != "" {
		return 0, hash, fmt.Errorf("checkpoint text %q", n.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return 0, hash, err
	}
	hash, err = tlog.ParseHash(lines[2])
	return size, hash, err
}

func TestCheckpoints(t *testing.T) {
	known := verifiers(t)
	for _, name := range names(t, "checkpoint-") {
		msg := read(t, name)
		size, _, err := open(msg, known)
		if err != nil || name != fmt.Sprintf("checkpoint-%d", size) {
			t.Errorf("%s: size %d, %v", name, size, err)
		}
		// The check itself must notice a fault.
		text := bytes.LastIndex(msg, []byte("\n\n"))
		for _, at := range []int{0, text - 2, len(msg) / 2} {
			bad := append([]byte(nil), msg...)
			bad[at] ^= 1
			if _, _, err := open(bad, known); err == nil && at < text {
				t.Errorf("%s: a change at %d went unnoticed", name, at)
			}
		}
	}
}

type receipt struct {
	event      []byte
	index      int64
	proof      []tlog.Hash
	checkpoint []byte
}

// parse reads c2sp.org/tlog-proof@v1 from its specification, not from our code.
func parse(text []byte) (r receipt, err error) {
	head, rest, found := bytes.Cut(text, []byte("\n\n"))
	if !found {
		return r, fmt.Errorf("no empty line")
	}
	r.checkpoint = rest
	lines := strings.Split(string(head), "\n")
	if len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" ||
		!strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		return r, fmt.Errorf("lines %q", lines)
	}
	if r.event, err = base64.StdEncoding.Strict().DecodeString(lines[1][6:]); err != nil {
		return r, err
	}
	if r.index, err = strconv.ParseInt(lines[2][6:], 10, 64); err != nil {
		return r, err
	}
	r.proof, err = hashes(lines[3:])
	return r, err
}

func hashes(lines []string) ([]tlog.Hash, error) {
	var all []tlog.Hash
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		all = append(all, hash)
	}
	return all, nil
}

func TestReceipts(t *testing.T) {
	known := verifiers(t)
	for _, name := range names(t, "receipt-") {
		r, err := parse(read(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		size, root, err := open(r.checkpoint, known)
		if err != nil || name != fmt.Sprintf("receipt-%d-%d", size, r.index) {
			t.Errorf("%s: size %d, index %d, %v", name, size, r.index, err)
			continue
		}
		leaf := tlog.RecordHash(r.event)
		if err := tlog.CheckRecord(r.proof, size, root, r.index, leaf); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.HasSuffix(string(r.event), fmt.Sprintf("event %d of the fixture", r.index)) {
			t.Errorf("%s: event %q", name, r.event)
		}
		r.event[0] ^= 1
		leaf = tlog.RecordHash(r.event)
		if tlog.CheckRecord(r.proof, size, root, r.index, leaf) == nil {
			t.Errorf("%s: another event went unnoticed", name)
		}
	}
}

func TestConsistency(t *testing.T) {
	known := verifiers(t)
	roots := map[int64]tlog.Hash{}
	for _, name := range names(t, "checkpoint-") {
		size, root, err := open(read(t, name), known)
		if err != nil {
			t.Fatal(err)
		}
		roots[size] = root
	}
	for _, name := range names(t, "consistency-") {
		var from, to int64
		if _, err := fmt.Sscanf(name, "consistency-%d-%d", &from, &to); err != nil {
			t.Fatal(err)
		}
		text := strings.TrimSuffix(string(read(t, name)), "\n")
		var lines []string
		if text != "" {
			lines = strings.Split(text, "\n")
		}
		proof, err := hashes(lines)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if from == 0 { // sumdb has no proofs from an empty tree; ours are empty
			if len(proof) != 0 {
				t.Errorf("%s: %d hashes", name, len(proof))
			}
			continue
		}
		if err := tlog.CheckTree(proof, to, roots[to], from, roots[from]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wrong := roots[from]
		wrong[31] ^= 1
		if tlog.CheckTree(proof, to, roots[to], from, wrong) == nil {
			t.Errorf("%s: another old root went unnoticed", name)
		}
	}
}

// tiles reads the store's files as tiles of height 8.
type tiles struct{ dir string }

func (r tiles) Height() int                     { return 8 }
func (r tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (r tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		file, err := os.Open(filepath.Join(r.dir, fmt.Sprintf("tiles-%d", tile.L)))
		if err != nil {
			return nil, err
		}
		data := make([]byte, tile.W*tlog.HashSize)
		_, err = file.ReadAt(data, tile.N*256*tlog.HashSize)
		file.Close()
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// The files of the store are a tiled log as others read it, and prove the same as our receipts.
func TestTiles(t *testing.T) {
	known := verifiers(t)
	for _, name := range names(t, "receipt-") {
		r, err := parse(read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		size, root, err := open(r.checkpoint, known)
		if err != nil {
			t.Fatal(err)
		}
		reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root},
			tiles{filepath.Join(folder(t), "store")})
		proof, err := tlog.ProveRecord(size, r.index, reader)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if fmt.Sprint(proof) != fmt.Sprint(tlog.RecordProof(r.proof)) {
			t.Errorf("%s: the tiles give another proof", name)
		}
	}
	wrong := tlog.Tree{N: 700}
	if _, err := tlog.ProveRecord(700, 3, tlog.TileHashReader(wrong,
		tiles{filepath.Join(folder(t), "store")})); err == nil {
		t.Error("tiles of another root went unnoticed")
	}
}
