package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Headers that carry encoded JSON.
const (
	PathStatHeader       = "X-Docker-Container-Path-Stat"
	RegistryAuthHeader   = "X-Registry-Auth"
	RegistryConfigHeader = "X-Registry-Config"
)

// maxHeader is the longest encoded value that is decoded.
const maxHeader = 64 << 10

// PathStat describes a file in a container, for copying. Mode holds Go's os.FileMode bits, not st_mode.
type PathStat struct {
	Name       string      `json:"name"`
	Size       int64       `json:"size"`
	Mode       os.FileMode `json:"mode"`
	Mtime      time.Time   `json:"mtime"`
	LinkTarget string      `json:"linkTarget"`
}

// EncodePathStat makes the value of PathStatHeader: padded standard base64.
func EncodePathStat(s PathStat) (string, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encode the state of %s: %w", s.Name, err)
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// DecodePathStat reads the value of PathStatHeader.
func DecodePathStat(value string) (PathStat, error) {
	var s PathStat
	err := decodeHeader(base64.StdEncoding, value, &s)
	if err != nil {
		return s, fmt.Errorf("header %s: %w", PathStatHeader, err)
	}
	return s, nil
}

// Auth is what a registry wants to know of a user, in headers and in the body of POST /auth.
type Auth struct {
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	Auth          string `json:"auth,omitempty"`
	Email         string `json:"email,omitempty"`
	ServerAddress string `json:"serveraddress,omitempty"`
	IdentityToken string `json:"identitytoken,omitempty"`
	RegistryToken string `json:"registrytoken,omitempty"`
}

// EncodeAuth makes the value of RegistryAuthHeader: padded base64 of the URL alphabet. The zero Auth is
// "e30=", which a push needs even without credentials.
func EncodeAuth(a Auth) (string, error) {
	raw, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("encode credentials for %s: %w", a.ServerAddress, err)
	}
	return base64.URLEncoding.EncodeToString(raw), nil
}

// DecodeAuth reads the value of RegistryAuthHeader; an empty one is the zero Auth.
func DecodeAuth(value string) (Auth, error) {
	var a Auth
	if value == "" {
		return a, nil
	}
	if err := decodeHeader(base64.URLEncoding, value, &a); err != nil {
		return Auth{}, fmt.Errorf("header %s: %w", RegistryAuthHeader, err)
	}
	return a, nil
}

// EncodeAuths and DecodeAuths are the same for RegistryConfigHeader: a registry's host to its credentials.
func EncodeAuths(m map[string]Auth) (string, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("encode credentials: %w", err)
	}
	return base64.URLEncoding.EncodeToString(raw), nil
}

// DecodeAuths reads the value of RegistryConfigHeader; an empty one is no credentials.
func DecodeAuths(value string) (map[string]Auth, error) {
	var m map[string]Auth
	if value == "" {
		return nil, nil
	}
	if err := decodeHeader(base64.URLEncoding, value, &m); err != nil {
		return nil, fmt.Errorf("header %s: %w", RegistryConfigHeader, err)
	}
	return m, nil
}

func decodeHeader(enc *base64.Encoding, value string, v any) error {
	if len(value) > maxHeader {
		return fmt.Errorf("%d bytes, at most %d are read", len(value), maxHeader)
	}
	raw, err := enc.DecodeString(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}
