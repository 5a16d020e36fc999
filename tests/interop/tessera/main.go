// An auditor on tessera's client: it reads a log as C2SP tlog-tiles or static-ct-api describe them, and believes nothing
// but the log's public key. Every entry is hashed, every tile compared, the root recomputed, every proof checked, and the
// checkpoint proven to extend the one that was kept before.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	formats "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

const (
	workers   = 2
	limit     = 60 * time.Second
	proofs    = 1000
	usageText = "usage: tessera -url URL -origin NAME -key SPKI [-ct] [-witness VKEY] [-kept FILE]"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := audit(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func audit(ctx context.Context) error {
	at := flag.String("url", "", "URL under which the log is read, with a slash at its end")
	origin := flag.String("origin", "", "name of the log")
	key := flag.String("key", "", "its public key: SubjectPublicKeyInfo in base64")
	ct := flag.Bool("ct", false, "the log is one of certificates")
	witness := flag.String("witness", "", "verifier key of a witness that must have cosigned the checkpoint")
	kept := flag.String("kept", "", "file of the last checkpoint seen: it is read if there, and replaced")
	flag.Parse()
	if *at == "" || *origin == "" || *key == "" {
		return errors.New(usageText)
	}
	base, err := url.Parse(*at)
	if err != nil {
		return err
	}
	verifier, err := verifierOf(*origin, *key)
	if err != nil {
		return err
	}
	web, err := client.NewHTTPFetcher(base, http.DefaultClient)
	if err != nil {
		return err
	}
	var log fsck.Fetcher = web
	hashes := entryHashes
	if *ct {
		log, hashes = certificates{web, base}, certificateHashes
	}
	before, err := keptCheckpoint(*kept)
	if err != nil {
		return err
	}
	seen, err := client.NewLogStateTracker(ctx, log.ReadTile, before, verifier, *origin,
		client.UnilateralConsensus(log.ReadCheckpoint))
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	smaller := seen.Latest().Size
	_, _, raw, err := seen.Update(ctx)
	if err != nil {
		return fmt.Errorf("consistency: %w", err)
	}
	if err := cosigned(raw, *witness); err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	if err := fsck.New(*origin, verifier, log, hashes(), fsck.Opts{N: workers}).Check(ctx); err != nil {
		return fmt.Errorf("fsck: %w", err)
	}
	proven, err := everyProof(ctx, seen, log, hashes())
	if err != nil {
		return fmt.Errorf("inclusion: %w", err)
	}
	if *kept != "" {
		if err := os.WriteFile(*kept, raw, 0o600); err != nil {
			return err
		}
	}
	fmt.Printf("%d entries hashed, %d inclusion proofs", seen.Latest().Size, proven)
	if before != nil {
		fmt.Printf(", consistent from %d to %d", smaller, seen.Latest().Size)
	}
	fmt.Println()
	return nil
}

func verifierOf(origin, key string) (note.Verifier, error) {
	der, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return nil, err
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	switch public := public.(type) {
	case ed25519.PublicKey:
		text, err := note.NewEd25519VerifierKey(origin, public)
		if err != nil {
			return nil, err
		}
		return note.NewVerifier(text)
	case *ecdsa.PublicKey:
		text, err := formats.RFC6962VerifierString("https://"+origin, public)
		if err != nil {
			return nil, err
		}
		return formats.NewRFC6962Verifier(text)
	default:
		return nil, fmt.Errorf("no note is signed with a %T", public)
	}
}

func cosigned(checkpoint []byte, witness string) error {
	if witness == "" {
		return nil
	}
	verifier, err := formats.NewVerifierForCosignatureV1(witness)
	if err != nil {
		return err
	}
	_, err = note.Open(checkpoint, note.VerifierList(verifier))
	return err
}

func keptCheckpoint(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}

// The leaf hashes of a bundle of tlog-tiles: of each entry as it is.
func entryHashes() func([]byte) ([][]byte, error) {
	return func(raw []byte) ([][]byte, error) {
		var bundle api.EntryBundle
		if err := bundle.UnmarshalText(raw); err != nil {
			return nil, err
		}
		var hashes [][]byte
		for _, entry := range bundle.Entries {
			hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
		}
		return hashes, nil
	}
}

// Checks inclusion proofs, made from the log's tiles, of its last entries.
func everyProof(ctx context.Context, seen *client.LogStateTracker, log fsck.Fetcher,
	hashes func([]byte) ([][]byte, error)) (int, error) {
	head := seen.Latest()
	builder, err := client.NewProofBuilder(ctx, head.Size, log.ReadTile)
	if err != nil {
		return 0, err
	}
	size := func(context.Context) (uint64, error) { return head.Size, nil }
	proven := 0
	for bundle, err := range client.EntryBundles(ctx, workers, size, log.ReadEntryBundle, 0, head.Size) {
		if err != nil {
			return 0, err
		}
		leaves, err := hashes(bundle.Data)
		if err != nil {
			return 0, err
		}
		for _, leaf := range leaves[bundle.RangeInfo.First:][:bundle.RangeInfo.N] {
			path, err := builder.InclusionProof(ctx, uint64(proven))
			if err != nil {
				return 0, err
			}
			err = proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(proven), head.Size, leaf, path, head.Hash)
			if err != nil {
				return 0, err
			}
			proven++
			if proven == proofs {
				return proven, nil
			}
		}
	}
	return proven, nil
}
