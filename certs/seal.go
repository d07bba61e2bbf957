package certs

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"hash"
)

// Structure of an encrypted key: RFC 5958's EncryptedPrivateKeyInfo with PBES2 (RFC 8018), in which PBKDF2 derives a
// key for a cipher in CBC mode.
type (
	sealed struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2 struct {
		Derive, Encrypt pkix.AlgorithmIdentifier
	}
	pbkdf2Params struct {
		Salt       []byte
		Iterations int
		Length     int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

// Iterations of PBKDF2: of new keys, and the maximum that is accepted in a file.
const (
	iterations    = 200_000
	maxIterations = 10_000_000
)

func oidPBES2() asn1.ObjectIdentifier  { return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13} }
func oidPBKDF2() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12} }
func oidSHA256() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9} }
func oidAES256() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
}

// prfs returns the hashes for PBKDF2. The default is SHA-1.
func prfs() map[string]func() hash.Hash {
	return map[string]func() hash.Hash{"": sha1.New, "1.2.840.113549.2.7": sha1.New, oidSHA256().String(): sha256.New,
		"1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New}
}

// blockCipher is a cipher of PBES2: the length of its key, and its constructor.
type blockCipher struct {
	length int
	make   func([]byte) (cipher.Block, error)
}

func ciphers() map[string]blockCipher {
	return map[string]blockCipher{"2.16.840.1.101.3.4.1.2": {16, aes.NewCipher},
		"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
		oidAES256().String():      {32, aes.NewCipher}, "1.2.840.113549.3.7": {24, des.NewTripleDESCipher}}
}

// unseal decrypts a key.
func unseal(der, passphrase []byte) ([]byte, error) {
	var s sealed
	var p pbes2
	var k pbkdf2Params
	var iv []byte
	if err := unmarshal(der, &s); err != nil {
		return nil, err
	}
	if !s.Algorithm.Algorithm.Equal(oidPBES2()) {
		return nil, fmt.Errorf("the key is encrypted by %s, which is not known here: openssl pkcs8 -topk8 -v2 aes256 "+
			"writes one that is", s.Algorithm.Algorithm)
	}
	if err := unmarshal(s.Algorithm.Parameters.FullBytes, &p); err != nil {
		return nil, err
	}
	c, known := ciphers()[p.Encrypt.Algorithm.String()]
	if !known || !p.Derive.Algorithm.Equal(oidPBKDF2()) {
		return nil, fmt.Errorf("the key is encrypted by %s and %s, which are not known here: openssl pkcs8 -topk8 -v2 "+
			"aes256 writes one that is",
			p.Derive.Algorithm, p.Encrypt.Algorithm)
	}
	if err := unmarshal(p.Derive.Parameters.FullBytes, &k); err != nil {
		return nil, err
	}
	if err := unmarshal(p.Encrypt.Parameters.FullBytes, &iv); err != nil {
		return nil, err
	}
	prf, known := prfs()[k.PRF.Algorithm.String()]
	if !known || k.Iterations < 1 || k.Iterations > maxIterations {
		return nil, fmt.Errorf("the key is encrypted with %d rounds of %s, which is not done here", k.Iterations,
			k.PRF.Algorithm)
	}
	key, err := pbkdf2.Key(prf, string(passphrase), k.Salt, k.Iterations, c.length)
	if err != nil {
		return nil, err
	}
	block, err := c.make(key)
	if err != nil {
		return nil, err
	}
	if len(iv) != block.BlockSize() || len(s.Data) == 0 || len(s.Data)%block.BlockSize() != 0 {
		return nil, fmt.Errorf("the encrypted key is damaged: %d bytes", len(s.Data))
	}
	out := make([]byte, len(s.Data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, s.Data)
	pad := int(out[len(out)-1])
	if pad < 1 || pad > block.BlockSize() || !bytes.HasSuffix(out, bytes.Repeat([]byte{byte(pad)}, pad)) ||
		out[0] != 0x30 {
		return nil, fmt.Errorf("%w, and this is not it", ErrPassphrase)
	}
	return out[:len(out)-pad], nil
}

func unmarshal(der []byte, v any) error {
	rest, err := asn1.Unmarshal(der, v)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes too many", len(rest))
	}
	if err != nil {
		return fmt.Errorf("the encrypted key is damaged: %w", err)
	}
	return nil
}

// seal encrypts a key with AES-256 and PBKDF2 with SHA-256.
func seal(der, passphrase []byte) ([]byte, error) {
	salt, iv := make([]byte, 16), make([]byte, aes.BlockSize)
	for _, b := range [][]byte{salt, iv} {
		if _, err := rand.Read(b); err != nil {
			return nil, err
		}
	}
	key, err := pbkdf2.Key(sha256.New, string(passphrase), salt, iterations, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	pad := block.BlockSize() - len(der)%block.BlockSize()
	data := append(bytes.Clone(der), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	null := asn1.RawValue{Tag: asn1.TagNull}
	derive, err := parameters(pbkdf2Params{Salt: salt, Iterations: iterations,
		PRF: pkix.AlgorithmIdentifier{Algorithm: oidSHA256(), Parameters: null}})
	if err != nil {
		return nil, err
	}
	vector, err := parameters(iv)
	if err != nil {
		return nil, err
	}
	both, err := parameters(pbes2{pkix.AlgorithmIdentifier{Algorithm: oidPBKDF2(), Parameters: derive},
		pkix.AlgorithmIdentifier{Algorithm: oidAES256(), Parameters: vector}})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(sealed{pkix.AlgorithmIdentifier{Algorithm: oidPBES2(), Parameters: both}, data})
}

func parameters(v any) (asn1.RawValue, error) {
	raw, err := asn1.Marshal(v)
	return asn1.RawValue{FullBytes: raw}, err
}
