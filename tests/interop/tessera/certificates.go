package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/ctonly"
	"golang.org/x/crypto/cryptobyte"
)

// A log of certificates keeps its entries in data tiles (static-ct-api, section "Log Entries").
type certificates struct {
	*client.HTTPFetcher
	base *url.URL
}

func (c certificates) ReadEntryBundle(ctx context.Context, index uint64, partial uint8) ([]byte, error) {
	tile := c.base.JoinPath("tile/data", layout.NWithSuffix(0, index, partial))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, tile.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotFound && partial != 0:
		return c.ReadEntryBundle(ctx, index, 0)
	case response.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%s: %w", tile, os.ErrNotExist)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: %s", tile, response.Status)
	}
	return io.ReadAll(response.Body)
}

// The leaf hashes of data tiles that are read in the order of the log. An entry has to know its own index.
func certificateHashes() func([]byte) ([][]byte, error) {
	var next uint64
	return func(raw []byte) ([][]byte, error) {
		var hashes [][]byte
		for tile := cryptobyte.String(raw); !tile.Empty(); next++ {
			entry, index, ok := readEntry(&tile)
			if !ok {
				return nil, fmt.Errorf("entry %d is no TileLeaf", next)
			}
			if index != next {
				return nil, fmt.Errorf("entry %d says that it is entry %d", next, index)
			}
			hashes = append(hashes, entry.MerkleLeafHash(index))
		}
		return hashes, nil
	}
}

const (
	x509Entry    = 0
	precertEntry = 1
	leafIndex    = 0
)

func readEntry(tile *cryptobyte.String) (entry ctonly.Entry, index uint64, ok bool) {
	var kind uint16
	var certificate, extensions, precertificate, chain cryptobyte.String
	if !tile.ReadUint64(&entry.Timestamp) || !tile.ReadUint16(&kind) {
		return entry, 0, false
	}
	switch kind {
	case x509Entry:
		ok = tile.ReadUint24LengthPrefixed(&certificate) && tile.ReadUint16LengthPrefixed(&extensions)
	case precertEntry:
		entry.IsPrecert = true
		ok = tile.ReadBytes(&entry.IssuerKeyHash, sha256.Size) && tile.ReadUint24LengthPrefixed(&certificate) &&
			tile.ReadUint16LengthPrefixed(&extensions) && tile.ReadUint24LengthPrefixed(&precertificate)
	}
	if !ok || !tile.ReadUint16LengthPrefixed(&chain) || len(chain)%sha256.Size != 0 {
		return entry, 0, false
	}
	entry.Certificate, entry.Precertificate = certificate, precertificate
	index, ok = readIndex(extensions)
	return entry, index, ok
}

// The one extension that static-ct-api knows: the entry's index, of 40 bits.
func readIndex(extensions cryptobyte.String) (index uint64, ok bool) {
	var kind uint8
	var data cryptobyte.String
	if !extensions.ReadUint8(&kind) || kind != leafIndex || !extensions.ReadUint16LengthPrefixed(&data) {
		return 0, false
	}
	var high uint8
	var low uint32
	ok = data.ReadUint8(&high) && data.ReadUint32(&low) && data.Empty() && extensions.Empty()
	return uint64(high)<<32 | uint64(low), ok
}
