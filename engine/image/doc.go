// Package image keeps images: their configurations by digest, the names that point at them, and the layers that
// they stand on in the storage driver. It reads and writes Docker's archives.
//
// An image is a row of box.db (names, layers, labels), its configuration in DATA/content by digest, and its layers in
// the driver: unpacked, each with the record from which its exact tar is written again (fs/archive, Rebuild).
// Compressed bytes are not kept. A layer goes from the connection or the archive through the hashes and the
// decompressor into the driver in one pass, several layers at once; a driver whose layers need their parent first
// spools them. Everything of an image appears in one transaction after the layers are on the disk; whatever was not
// committed is dropped by the one who made it, or by the next Open.
//
// Archives come from other tools too: of an OCI index with several platforms the host's is taken, with the name
// (engine/image/choose.go); what only informs is left out where it is not of its type (informative.go); zeros become
// holes, since most tools write those of a sparse file. xz is read by a port of XZ Embedded (therootcompany/xz), which
// bounds its memory and takes a ninth of what the other library for it does. What a few bytes could name again and
// again is counted.
//
// What a pull or a push learns of registries (manifests in DATA/content, digests and repositories of packed layers in
// box.db) saves transfers and is no more than that. Of layers it is kept when the images go, up to a bound, and only
// of what was unpacked or packed here: a registry's word that a layer is packed in some content would go into the
// manifests of others. A push first asks for the layers that the registry had, then for a mount from where they were
// seen, and packs anew, always to the same bytes, else; when all layers are there as they came, the very manifest goes
// with them. Removal never takes a layer that somebody is sending or that an image on its way in stands on: those are
// pinned (engine/image/pin.go). Layers that stay when their image goes, for a pin or a container, are noted with it,
// and Open deletes those that nobody stands on any more (engine/image/leftover.go).
//
// A download that breaks or goes silent goes on by Range from where it was. What comes from a registry is bounded
// before it is parsed and checked by digest before anything appears. Loopback registries may lack TLS; a password
// never goes to another host, nor over a token service without TLS.
package image
