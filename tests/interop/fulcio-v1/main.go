// A client on Fulcio's legacy API package, which is what gitsign speaks: certificates from /api/v1/signingCert, the chain
// from /api/v1/rootCert. Every answer is checked against the CA that the trusted root names.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sigstore/fulcio/pkg/api"
)

const (
	limit     = 30 * time.Second
	issuerOID = "1.3.6.1.4.1.57264.1.8"
	sctsOID   = "1.3.6.1.4.1.11129.2.4.2"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	at := flag.String("url", "", "URL of the CA")
	tokenFile := flag.String("token-file", "", "file of the identity token")
	email := flag.String("email", "", "address that the token proves")
	issuer := flag.String("issuer", "", "issuer of the token")
	count := flag.Int("count", 1, "how many certificates to ask for")
	flag.Parse()
	base, err := url.Parse(*at)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(*tokenFile)
	if err != nil {
		return err
	}
	token := strings.TrimSpace(string(raw))
	ca := api.NewClient(base, api.WithTimeout(limit), api.WithUserAgent("interop"))
	roots, err := rootsOf(ca)
	if err != nil {
		return fmt.Errorf("rootCert: %w", err)
	}
	for n := range *count {
		ask := withKey
		if n%2 == 1 {
			ask = withRequest
		}
		if err := certify(ca, roots, ask, token, *email, *issuer); err != nil {
			return fmt.Errorf("signingCert: %w", err)
		}
	}
	if err := refusals(ca, token, *email); err != nil {
		return err
	}
	fmt.Printf("%d certificates, half of them by PKCS #10, 2 refusals\n", *count)
	return nil
}

// The CA's root: the last of the chain that it gives.
func rootsOf(ca api.LegacyClient) (*x509.CertPool, error) {
	answer, err := ca.RootCert()
	if err != nil {
		return nil, err
	}
	chain, err := certificates(answer.ChainPEM)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(chain[len(chain)-1])
	return roots, nil
}

func certify(ca api.LegacyClient, roots *x509.CertPool, ask asker, token, email, issuer string) error {
	key, request, err := ask(email)
	if err != nil {
		return err
	}
	answer, err := ca.SigningCert(request, token)
	if err != nil {
		return err
	}
	leaf, err := certificates(answer.CertPEM)
	if err != nil {
		return err
	}
	chain, err := certificates(answer.ChainPEM)
	if err != nil {
		return err
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range chain[:len(chain)-1] {
		intermediates.AddCert(certificate)
	}
	_, err = leaf[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	})
	switch {
	case err != nil:
		return err
	case !key.PublicKey.Equal(leaf[0].PublicKey):
		return errors.New("the certificate is for another key")
	case !slices.Equal(leaf[0].EmailAddresses, []string{email}):
		return fmt.Errorf("the certificate is for %v", leaf[0].EmailAddresses)
	case extension(leaf[0], sctsOID) == nil && len(answer.SCT) == 0:
		return errors.New("no SCT")
	}
	var text string
	if _, err := asn1.UnmarshalWithParams(extension(leaf[0], issuerOID), &text, "utf8"); err != nil || text != issuer {
		return fmt.Errorf("the certificate names the issuer %q", text)
	}
	return nil
}

// Neither a key that did not sign nor a token that is none may get a certificate.
func refusals(ca api.LegacyClient, token, email string) error {
	_, request, err := withKey("someone-else@example.com")
	if err != nil {
		return err
	}
	if _, err := ca.SigningCert(request, token); err == nil {
		return errors.New("a proof over another address was believed")
	}
	if _, request, err = withKey(email); err != nil {
		return err
	}
	if _, err := ca.SigningCert(request, token[:len(token)-8]+"AAAAAAAA"); err == nil {
		return errors.New("a token with another signature was believed")
	}
	return nil
}

// A new key, and a request for its certificate.
type asker func(email string) (*ecdsa.PrivateKey, api.CertificateRequest, error)

// As gitsign asks: the key in DER, and the address signed with it.
func withKey(email string) (*ecdsa.PrivateKey, api.CertificateRequest, error) {
	var request api.CertificateRequest
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, request, err
	}
	if request.PublicKey.Content, err = x509.MarshalPKIXPublicKey(&key.PublicKey); err != nil {
		return nil, request, err
	}
	request.PublicKey.Algorithm = "ecdsa"
	digest := sha256.Sum256([]byte(email))
	request.SignedEmailAddress, err = ecdsa.SignASN1(rand.Reader, key, digest[:])
	return key, request, err
}

// By a certification request (PKCS #10), which is its own proof.
func withRequest(email string) (*ecdsa.PrivateKey, api.CertificateRequest, error) {
	var request api.CertificateRequest
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, request, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{EmailAddresses: []string{email}}, key)
	request.CertificateSigningRequest = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	return key, request, err
}

func certificates(text []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, certificate)
	}
	if len(all) == 0 {
		return nil, errors.New("no certificate in the answer")
	}
	return all, nil
}

func extension(certificate *x509.Certificate, oid string) []byte {
	for _, extension := range certificate.Extensions {
		if extension.Id.String() == oid {
			return extension.Value
		}
	}
	return nil
}
