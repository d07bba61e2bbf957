package image

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/archive"
	"box/personalities/docker/progress"
	"box/personalities/docker/session"
)

// Import is `docker image import`.
type Import struct {
	Change   []string `short:"c" help:"Dockerfile instruction to apply: CMD, ENV, ..."`
	Message  string   `short:"m" help:"Comment in the history of the image"`
	Platform string   `help:"Platform of the image"`
}

// Run implements session.Runner.
func (f *Import) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	var err error
	o := client.Import{Changes: f.Change, Message: f.Message, Platform: s.Platform(f.Platform)}
	if len(p.Args) > 1 {
		if o.Repo, o.Tag, err = SplitTag(p.Args[1]); err != nil {
			return err
		}
	}
	api, err := s.Client()
	if err != nil {
		return err
	}
	source := p.Args[0]
	switch u, err := url.Parse(source); {
	case source == "-":
		o.Source, o.Body = "-", io.NopCloser(s.In)
	case err == nil && (u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "ftp"):
		o.Source = source
	default:
		content, program, err := importSource(s.Path(source))
		if err != nil {
			return session.UserPath(err, source)
		}
		defer content.Close()
		o.Source, o.Body = "-", content
		if program != "" && !slices.ContainsFunc(o.Changes, setsProgram) {
			o.Changes = append(o.Changes, fmt.Sprintf("ENTRYPOINT [%q]", "/"+program))
		}
	}
	if o.Body != nil {
		sent, done := progress.Reader(s, "Sent", progress.SizeOfFile(o.Body), o.Body)
		defer done()
		o.Body = sent
	}
	body, err := api.ImageImport(ctx, o)
	if err != nil {
		return err
	}
	defer body.Close()
	return progress.ShowProgress(s, s.Out, body, nil)
}

// setsProgram tells whether an instruction decides which program the image runs.
func setsProgram(change string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(change), " ")
	return strings.EqualFold(word, "cmd") || strings.EqualFold(word, "entrypoint")
}

// importSource opens the source of a layer. A tar is sent as it is. A folder, or an executable whose name is returned
// as program, is packed on the fly.
func importSource(path string) (content io.ReadCloser, program string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, "", err
	}
	name := "."
	if !info.IsDir() {
		is, needs := executable(f)
		if !is {
			return f, "", nil
		}
		if needs != "" {
			f.Close()
			return nil, "", fmt.Errorf("%s is linked dynamically: alone in an image it would not find %s", path,
				needs)
		}
		name = filepath.Base(path)
		program = name
	}
	f.Close()
	return archive.PipeTar(func(t *archive.TarWriter) error { return t.Tree(path, name) }), program, nil
}

// executable tells whether a file is an ELF program and which loader it needs, "" for none (elf(5)).
func executable(f io.ReaderAt) (is bool, loader string) {
	head := make([]byte, 64)
	n, _ := f.ReadAt(head, 0) // what is short is no program, or a damaged one
	if string(head[:4]) != "\x7fELF" {
		return false, ""
	}
	if n < len(head) {
		return true, ""
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if head[5] == 2 {
		order = binary.BigEndian
	}
	wide := head[4] == 2
	var table int64
	var size, count uint16
	if wide {
		table, size, count = int64(order.Uint64(head[32:])), order.Uint16(head[54:]), order.Uint16(head[56:])
	} else {
		table, size, count = int64(order.Uint32(head[28:])), order.Uint16(head[42:]), order.Uint16(head[44:])
	}
	for n := range int64(count) {
		entry := make([]byte, 56)
		if got, err := f.ReadAt(entry, table+n*int64(size)); err != nil && got < 32 {
			break // damaged: the kernel will say so
		}
		if order.Uint32(entry) != 3 { // PT_INTERP
			continue
		}
		at, length := int64(order.Uint32(entry[4:])), int64(order.Uint32(entry[16:]))
		if wide {
			at, length = int64(order.Uint64(entry[8:])), int64(order.Uint64(entry[32:]))
		}
		name := make([]byte, max(0, min(length, 4096)))
		got, _ := f.ReadAt(name, at) // as much of the name as is there
		return true, strings.TrimRight(string(name[:got]), "\x00")
	}
	return true, ""
}
