// A client on the sigstore-go library, which knows nothing but the first TUF root of an instance: it signs a file or an
// in-toto statement with everything that the signing config names, or verifies a bundle.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/theupdateframework/go-tuf/v2/metadata/fetcher"
	"google.golang.org/protobuf/encoding/protojson"
)

const (
	statementType = "application/vnd.in-toto+json"
	limit         = 30 * time.Second
)

type options struct {
	mirror, firstRoot, cache    string
	tokenFile, identity, issuer string
	statement                   bool
	command, file, bundle       string
}

func main() {
	o, err := parse(os.Args[1:])
	if err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func parse(args []string) (*options, error) {
	var o options
	flags := flag.NewFlagSet("sigstore-go", flag.ContinueOnError)
	flags.StringVar(&o.mirror, "mirror", "", "URL of the TUF repository")
	flags.StringVar(&o.firstRoot, "root", "", "file of the first TUF root")
	flags.StringVar(&o.cache, "cache", "", "folder of the TUF client")
	flags.StringVar(&o.tokenFile, "token-file", "", "file of the identity token (sign)")
	flags.BoolVar(&o.statement, "statement", false, "the file is an in-toto statement (sign)")
	flags.StringVar(&o.identity, "identity", "", "who must have signed (verify)")
	flags.StringVar(&o.issuer, "issuer", "", "who vouches for the identity (verify)")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() != 3 && flags.Arg(0) != "initialise" {
		return nil, errors.New("usage: sigstore-go FLAGS initialise|sign FILE BUNDLE|verify FILE BUNDLE")
	}
	o.command, o.file, o.bundle = flags.Arg(0), flags.Arg(1), flags.Arg(2)
	return &o, nil
}

func run(o *options) error {
	client, err := initialise(o)
	if err != nil {
		return fmt.Errorf("TUF: %w", err)
	}
	trusted, err := root.GetTrustedRoot(client)
	if err != nil {
		return fmt.Errorf("trusted root: %w", err)
	}
	services, err := root.GetSigningConfig(client)
	if err != nil {
		return fmt.Errorf("signing config: %w", err)
	}
	switch o.command {
	case "initialise":
		return nil
	case "sign":
		return signFile(o, trusted, services)
	case "verify":
		return verifyFile(o, trusted)
	default:
		return fmt.Errorf("unknown command %q", o.command)
	}
}

func initialise(o *options) (*tuf.Client, error) {
	if _, err := url.ParseRequestURI(o.mirror); err != nil {
		return nil, err
	}
	first, err := os.ReadFile(o.firstRoot)
	if err != nil {
		return nil, err
	}
	return tuf.New(&tuf.Options{
		Root:              first,
		RepositoryBaseURL: o.mirror,
		CachePath:         o.cache,
		Fetcher:           fetcher.NewDefaultFetcher(),
	})
}

func signFile(o *options, trusted *root.TrustedRoot, services *root.SigningConfig) error {
	data, err := os.ReadFile(o.file)
	if err != nil {
		return err
	}
	token, err := os.ReadFile(o.tokenFile)
	if err != nil {
		return err
	}
	bundleOptions, err := everyService(services)
	if err != nil {
		return err
	}
	bundleOptions.TrustedRoot = trusted
	bundleOptions.CertificateProviderOptions = &sign.CertificateProviderOptions{IDToken: string(bytes.TrimSpace(token))}
	var content sign.Content = &sign.PlainData{Data: data}
	if o.statement {
		content = &sign.DSSEData{Data: data, PayloadType: statementType}
	}
	keypair, err := sign.NewEphemeralKeypair(nil)
	if err != nil {
		return err
	}
	signed, err := sign.Bundle(content, keypair, *bundleOptions)
	if err != nil {
		return err
	}
	text, err := protojson.Marshal(signed)
	if err != nil {
		return err
	}
	return os.WriteFile(o.bundle, text, 0o600)
}

// The services that the signing config selects: a CA, timestamp authorities, logs.
func everyService(services *root.SigningConfig) (*sign.BundleOptions, error) {
	var options sign.BundleOptions
	now := time.Now()
	ca, err := root.SelectService(services.FulcioCertificateAuthorityURLs(), sign.FulcioAPIVersions, now)
	if err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	options.CertificateProvider = sign.NewFulcio(&sign.FulcioOptions{BaseURL: ca.URL, Timeout: limit})
	authorities, err := root.SelectServices(services.TimestampAuthorityURLs(), services.TimestampAuthorityURLsConfig(),
		sign.TimestampAuthorityAPIVersions, now)
	if err != nil {
		return nil, fmt.Errorf("timestamp authority: %w", err)
	}
	for _, authority := range authorities {
		options.TimestampAuthorities = append(options.TimestampAuthorities,
			sign.NewTimestampAuthority(&sign.TimestampAuthorityOptions{URL: authority.URL, Timeout: limit}))
	}
	logs, err := root.SelectServices(services.RekorLogURLs(), services.RekorLogURLsConfig(), sign.RekorAPIVersions, now)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	for _, log := range logs {
		options.TransparencyLogs = append(options.TransparencyLogs,
			sign.NewRekor(&sign.RekorOptions{BaseURL: log.URL, Timeout: limit, Version: log.MajorAPIVersion}))
	}
	return &options, nil
}

func verifyFile(o *options, trusted *root.TrustedRoot) error {
	signed, err := bundle.LoadJSONFromPath(o.bundle)
	if err != nil {
		return err
	}
	verifier, err := verify.NewVerifier(trusted,
		verify.WithSignedCertificateTimestamps(1), verify.WithTransparencyLog(1), verify.WithSignedTimestamps(1))
	if err != nil {
		return err
	}
	identity, err := verify.NewShortCertificateIdentity(o.issuer, "", o.identity, "")
	if err != nil {
		return err
	}
	file, err := os.Open(o.file)
	if err != nil {
		return err
	}
	defer file.Close()
	policy := verify.NewPolicy(verify.WithArtifact(file), verify.WithCertificateIdentity(identity))
	_, err = verifier.Verify(signed, policy)
	return err
}
