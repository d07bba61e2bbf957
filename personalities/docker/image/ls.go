package image

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/image"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/docker/values"
)

// Ls is `docker image ls`.
type Ls struct {
	All     bool           `short:"a" help:"Show all images, also intermediate ones"`
	Digests bool           `help:"Show digests"`
	Filter  values.Filters `short:"f" placeholder:"filter" help:"Filter: reference=..., dangling=..., label=..."`
	Format  string         `help:"${format}"`
	NoTrunc bool           `help:"Do not shorten IDs"`
	Quiet   bool           `short:"q" help:"Print IDs only"`
	Tree    bool           `help:"Show a tree of platforms (here a table, since an image has one platform)"`
}

func imageListing(digests bool) *table.Listing {
	l := &table.Listing{
		Setting:  "imagesFormat",
		Key:      "ID",
		Flexible: []string{"Repository", "Tag", "Digest"},
		Standard: []table.Column{{"Repository", "REPOSITORY"}, {"Tag", "TAG"}},
		Others: []table.Column{{"CreatedAt", "CREATED AT"}, {"Containers", "CONTAINERS"}, {"VirtualSize", "SIZE"},
			{"SharedSize", "SHARED SIZE"}, {"UniqueSize", "UNIQUE SIZE"}},
	}
	l.Raw = "repository: {{.Repository}}\ntag: {{.Tag}}\n"
	if digests {
		l.Raw += "digest: {{.Digest}}\n"
		l.Standard = append(l.Standard, table.Column{"Digest", "DIGEST"})
	} else {
		l.Others = append(l.Others, table.Column{"Digest", "DIGEST"})
	}
	l.Standard = append(l.Standard, table.Column{"ID", "IMAGE ID"}, table.Column{"CreatedSince", "CREATED"},
		table.Column{"Size", "SIZE"})
	l.Raw += "image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n"
	return l
}

// Run implements session.Runner.
func (f *Ls) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	if len(p.Args) > 0 {
		if f.Filter == nil {
			f.Filter = values.Filters{}
		}
		f.Filter["reference"] = append(f.Filter["reference"], p.Args[0])
	}
	list, err := api.ImageList(ctx, f.All, false, client.Filters(f.Filter))
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b image.Summary) int { return cmp.Compare(b.Created, a.Created) })
	l := imageListing(f.Digests)
	if f.Quiet {
		f.Format = l.Quiet(f.Format)
	}
	f.Format = l.Format(s, f.Format)
	digests := f.Digests || strings.Contains(f.Format, "{{.Digest}}")
	var rows []*Row
	for i := range list {
		for _, name := range namesOf(&list[i], digests) {
			rows = append(rows, &Row{i: &list[i], name: name, whole: f.NoTrunc})
		}
	}
	return table.Print(s, s.Out, l, f.Format, rows)
}

// imageName is one name of an image, split into its parts.
type imageName struct{ repository, tag, digest string }

// namesOf returns one entry for each row of an image: one for each tag, or one for each digest if there is no tag.
func namesOf(i *image.Summary, digests bool) []imageName {
	byRepo := map[string][]string{}
	for _, d := range i.RepoDigests {
		if repo, digest, ok := strings.Cut(d, "@"); ok && repo != "<none>" {
			byRepo[repo] = append(byRepo[repo], digest)
		}
	}
	var out []imageName
	tagged := map[string]bool{}
	for _, t := range i.RepoTags {
		cut := strings.LastIndexByte(t, ':')
		if cut < 0 || t == "<none>:<none>" {
			continue
		}
		repo, tag := t[:cut], t[cut+1:]
		tagged[repo] = true
		if !digests || len(byRepo[repo]) == 0 {
			out = append(out, imageName{repo, tag, firstDigest(byRepo[repo])})
			continue
		}
		for _, d := range byRepo[repo] {
			out = append(out, imageName{repo, tag, d})
		}
	}
	for repo, all := range byRepo {
		if !tagged[repo] {
			out = append(out, imageName{repo, "<none>", firstDigest(all)})
		}
	}
	if len(out) == 0 {
		out = append(out, imageName{"<none>", "<none>", "<none>"})
	}
	for i := range out {
		if !digests {
			out[i].digest = "<none>"
		}
	}
	return out
}

func firstDigest(digests []string) string {
	if len(digests) == 0 {
		return "<none>"
	}
	return digests[0]
}
