package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// Algorithms returns the algorithms for keys; the first is the default.
func Algorithms() []string { return []string{"ecdsa", "ed25519", "rsa"} }

// rsaBits is the length of RSA keys, with a strength of 128 bits as the other algorithms.
const rsaBits = 3072

func newKey(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case "", "ecdsa":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case "rsa":
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
	return nil, fmt.Errorf("keys of %q cannot be made: choose one of %v", algorithm, Algorithms())
}

// algorithmOf names the algorithm of a public key.
func algorithmOf(public any) string {
	switch public.(type) {
	case *ecdsa.PublicKey:
		return "ecdsa"
	case ed25519.PublicKey:
		return "ed25519"
	case *rsa.PublicKey:
		return "rsa"
	}
	return fmt.Sprintf("%T", public)
}

// encodeKey encodes a key as PEM (PKCS 8), encrypted if there is a passphrase.
func encodeKey(key crypto.Signer, passphrase []byte) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	kind := "PRIVATE KEY"
	if len(passphrase) > 0 {
		kind = "ENCRYPTED PRIVATE KEY"
		if der, err = seal(der, passphrase); err != nil {
			return nil, err
		}
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), nil
}

// ErrPassphrase reports that a key has a passphrase, and that none or a wrong one was given.
var ErrPassphrase = errors.New("the key has a passphrase")

// parseKey parses a key in any form that openssl writes. It calls passphrase only if one is needed.
func parseKey(raw []byte, passphrase func() ([]byte, error)) (crypto.Signer, error) {
	for {
		var block *pem.Block
		if block, raw = pem.Decode(raw); block == nil {
			return nil, errors.New("no key is in it")
		}
		der, kind := block.Bytes, block.Type
		switch {
		case kind == "EC PARAMETERS":
			continue
		case kind == "ENCRYPTED PRIVATE KEY":
			word, err := passphrase()
			if err != nil {
				return nil, err
			}
			if der, err = unseal(der, word); err != nil {
				return nil, err
			}
			kind = "PRIVATE KEY"
		//lint:ignore SA1019 openssl genrsa -aes256 wrote it before its version 3, and people have such keys
		case x509.IsEncryptedPEMBlock(block):
			word, err := passphrase()
			if err != nil {
				return nil, err
			}
			//lint:ignore SA1019 as above
			if der, err = x509.DecryptPEMBlock(block, word); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
			}
		}
		return decodeKey(kind, der)
	}
}

func decodeKey(kind string, der []byte) (crypto.Signer, error) {
	var key any
	var err error
	switch kind {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(der)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(der)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(der)
	default:
		return nil, fmt.Errorf("a key is wanted, not a %s", kind)
	}
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a %T does not sign", key)
	}
	return signer, nil
}
