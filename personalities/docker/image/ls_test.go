package image

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestImagesFit: 80 columns are enough for what usually stands in the table.
func TestImagesFit(t *testing.T) {
	var b strings.Builder
	text := "REPOSITORY\tTAG\tIMAGE " +
		"ID\tCREATED\tSIZE\nregistry.example:5000/team/application\t1.2.3-alpine\t0123456789ab\t2 weeks ago\t188MB\n"
	if err := imageListing(false).LayOut(&b, text, 80); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(line) - 1; n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
