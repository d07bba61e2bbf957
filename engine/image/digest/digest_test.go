package digest

import (
	"strings"
	"testing"
)

const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestValidate(t *testing.T) {
	for _, row := range []struct {
		digest string
		err    error
	}{
		{"sha256:" + empty, nil},
		{"sha384:" + strings.Repeat("0", 96), nil},
		{"sha512:" + strings.Repeat("f", 128), nil},
		{"", ErrDigestInvalidFormat},
		{empty, ErrDigestInvalidFormat},
		{"sha256:", ErrDigestInvalidFormat},
		{":" + empty, ErrDigestInvalidFormat},
		{"sha256:" + empty[1:], ErrDigestInvalidLength},
		{"sha256:" + empty + "0", ErrDigestInvalidLength},
		{"sha256:" + strings.ToUpper(empty), ErrDigestInvalidFormat},
		{"sha256:g" + empty[1:], ErrDigestInvalidFormat},
		{"sha256:../../" + empty[6:], ErrDigestInvalidFormat},
		{"sha256:" + empty[:31] + "/" + empty[32:], ErrDigestInvalidFormat},
		{"sha256:" + empty[:63] + "\n", ErrDigestInvalidFormat},
		{"md5:d41d8cd98f00b204e9800998ecf8427e", ErrDigestUnsupported},
		{"a+b.c_d-e:x=Y_-9", ErrDigestUnsupported},
		{"a++b:x", ErrDigestInvalidFormat},
		{"a+:x", ErrDigestInvalidFormat},
		{"+a:x", ErrDigestInvalidFormat},
		{"SHA256:" + empty, ErrDigestInvalidFormat},
		{"md5:a/b", ErrDigestInvalidFormat},
		{"md5:a:b", ErrDigestInvalidFormat},
	} {
		if _, err := Parse(row.digest); err != row.err {
			t.Errorf("%q: %v, want %v", row.digest, err, row.err)
		}
	}
}

func TestSums(t *testing.T) {
	want := Digest("sha256:" + empty)
	sum := SHA256.Digester()
	read, err := FromReader(strings.NewReader(""))
	for _, got := range []Digest{FromBytes(nil), FromString(""), sum.Digest(), read} {
		if got != want || err != nil {
			t.Errorf("%s (%v), want %s", got, err, want)
		}
	}
	if want.Algorithm() != SHA256 || want.Encoded() != empty || want.String() != "sha256:"+empty {
		t.Errorf("parts %q, %q", want.Algorithm(), want.Encoded())
	}
	// FIPS 180-2, appendix C.1 and D.1: "abc".
	if got := SHA512.FromBytes([]byte("abc")); !strings.HasPrefix(got.Encoded(), "ddaf35a193617aba") || got.Validate() != nil {
		t.Errorf("sha512 of abc: %s", got)
	}
	if got := SHA384.FromBytes([]byte("abc")); !strings.HasPrefix(got.Encoded(), "cb00753f45a35e8b") || got.Validate() != nil {
		t.Errorf("sha384 of abc: %s", got)
	}
}
