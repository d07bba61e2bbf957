package docker

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/image"

	"box/netapi/client"
	"box/personalities/cmd"
)

// imageLs is `docker image ls`.
type imageLs struct {
	All     bool    `short:"a" help:"Those in between, too"`
	Digests bool    `help:"Show digests"`
	Filter  filters `short:"f" placeholder:"filter" help:"Only those that match: reference=..., dangling=..., label=..."`
	Format  string  `help:"${format}"`
	NoTrunc bool    `help:"Whole IDs"`
	Quiet   bool    `short:"q" help:"IDs only"`
	Tree    bool    `help:"Tree of platforms (a table here: one platform an image)"`
}

func imageListing(digests bool) *listing {
	l := &listing{
		setting:  "imagesFormat",
		flexible: []string{"Repository", "Tag", "Digest"},
		standard: []column{{"Repository", "REPOSITORY"}, {"Tag", "TAG"}},
		others: []column{{"CreatedAt", "CREATED AT"}, {"Containers", "CONTAINERS"}, {"VirtualSize", "SIZE"},
			{"SharedSize", "SHARED SIZE"}, {"UniqueSize", "UNIQUE SIZE"}},
	}
	if digests {
		l.standard = append(l.standard, column{"Digest", "DIGEST"})
	} else {
		l.others = append(l.others, column{"Digest", "DIGEST"})
	}
	l.standard = append(l.standard, column{"ID", "IMAGE ID"}, column{"CreatedSince", "CREATED"}, column{"Size", "SIZE"})
	return l
}

func (f *imageLs) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	if len(p.Args) > 0 {
		if f.Filter == nil {
			f.Filter = filters{}
		}
		f.Filter["reference"] = append(f.Filter["reference"], p.Args[0])
	}
	list, err := api.ImageList(ctx, f.All, false, client.Filters(f.Filter))
	if err != nil {
		return err
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Created > list[j].Created })
	digests := f.Digests || strings.Contains(f.Format, ".Digest")
	var rows []row
	for i := range list {
		for _, name := range imageNames(&list[i], digests) {
			rows = append(rows, imageRow(&list[i], name, f.NoTrunc))
		}
	}
	if f.Quiet && f.Format == "" {
		f.Format = "{{.ID}}"
	}
	return imageListing(f.Digests).print(s, s.out, f.Format, rows)
}

// imageName is one name of an image, in its parts.
type imageName struct{ repository, tag, digest string }

// imageNames is the lines that an image takes: one a tag, or one a digest where there is no tag.
func imageNames(i *image.Summary, digests bool) []imageName {
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
	return out
}

func firstDigest(digests []string) string {
	if len(digests) == 0 {
		return "<none>"
	}
	return digests[0]
}

func imageRow(i *image.Summary, n imageName, whole bool) row {
	containers, shared, unique := "N/A", "N/A", "N/A"
	if i.Containers >= 0 {
		containers = strconv.FormatInt(i.Containers, 10)
	}
	if i.SharedSize >= 0 {
		shared, unique = sizeOf(i.SharedSize), sizeOf(i.Size-i.SharedSize)
	}
	return row{
		label: func(name string) string { return i.Labels[name] },
		fields: map[string]any{
			"ID": cutID(i.ID, whole), "Repository": n.repository, "Tag": n.tag, "Digest": n.digest,
			"CreatedSince": ago(i.Created), "CreatedAt": moment(i.Created), "Size": sizeText(i.Size),
			"Containers": containers, "VirtualSize": sizeOf(i.Size), "SharedSize": shared, "UniqueSize": unique,
		},
	}
}

// imageTag is `docker image tag`.
type imageTag struct{}

func (*imageTag) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	repo, tag, err := splitTag(p.Args[1])
	if err != nil {
		return fmt.Errorf("Error parsing reference: %q is not a valid repository/tag: %w", p.Args[1], err)
	}
	return api.ImageTag(ctx, p.Args[0], repo, tag)
}

// imageRm is `docker image rm`.
type imageRm struct {
	Force    bool     `short:"f" help:"Remove it although containers that have ended use it"`
	NoPrune  bool     `help:"Keep parents that have no name"`
	Platform []string `placeholder:"strings" help:"Remove only these platforms of it"`
}

func (c *imageRm) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	wanted, err := platformsJSON(c.Platform)
	if err != nil {
		return err
	}
	failed := false
	for _, name := range p.Args {
		removed, err := api.ImageRemove(ctx, name, c.Force, c.NoPrune, wanted)
		if err != nil {
			s.complain(err)
			failed = failed || !c.Force || !isMissing(err)
			continue
		}
		for _, r := range removed {
			if r.Deleted != "" {
				fmt.Fprintf(s.out, "Deleted: %s\n", r.Deleted)
			} else {
				fmt.Fprintf(s.out, "Untagged: %s\n", r.Untagged)
			}
		}
	}
	return s.partial(failed)
}
