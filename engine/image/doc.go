// Package image keeps images: their configurations by digest, the names that point at them, and their layers in the
// storage driver. It reads and writes Docker's archives.
//
// An image is a row of box.db (names, layers, labels), its configuration in DATA/content by digest, and its layers in
// the driver: unpacked, each with the record from which its exact tar is rebuilt (fs/archive, Rebuild). Compressed
// bytes are not kept. A layer flows from the connection or the archive through the hashes and the decompressor into
// the driver in one pass, several layers at once; for a driver whose layers need their parent first it is spooled. An
// image appears in one transaction after its layers are on the disk. Whoever made something removes it if it was not
// committed; failing that, the next Open does.
//
// Archives come from other tools too. From an OCI index with several platforms the host's image is taken, with the
// name (choose.go). Fields that only inform are left out if they have the wrong type (informative.go). Zeros become
// holes, since most tools write out those of a sparse file. A port of XZ Embedded (therootcompany/xz) reads xz,
// because it bounds its memory and takes a ninth of what the other library takes. Whatever a few bytes could name
// again and again is counted.
//
// What a pull or a push learns about registries (manifests in DATA/content, digests and repositories of compressed
// layers in box.db) only saves transfers. For layers it outlives their images, up to a bound, and covers only what
// was unpacked or packed here: if a registry's claims were trusted, they would end up in the manifests of others. A
// push first asks for the layers that the registry had, then for a mount from where they were seen, and else
// compresses anew, always to the same bytes. If all layers are there as they came, the original manifest goes with
// them. Removal never deletes a layer that is being sent or that an incoming image needs: those are pinned (pin.go).
// Layers that outlive their image because of a pin or a container are recorded in the same transaction, and Open
// deletes those that nothing needs any more (leftover.go).
//
// A download that breaks or stalls resumes by Range. Whatever comes from a registry is bounded before it is parsed
// and verified by digest before anything appears. Loopback registries may lack TLS; a password never goes to another
// host, nor to a token service without TLS.
package image
