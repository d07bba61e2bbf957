// Package history keeps what a host and its containers used: a second in a row for ten minutes, ten seconds for a day,
// five minutes for a year. The first is in memory alone.
//
// On disk a container takes 22 pages of 4 KiB, and a few while some are written anew. A page is a chunk: rows that
// follow one another, column by column, as small numbers (quantum.go, column.go). When a tier has no page left, the two
// neighbours whose rows are finest for their age become one, of coarser rows if need be (thin.go), so that the whole
// span is always there.
//
// There are two files. "pages" has the chunks, in no order. "journal" begins with the directory, which says where the
// chunks of every series are, and goes on with the rows that are in no page yet; it is written to each forty seconds.
// Every two hours the open chunks are written to free pages and a new journal takes the place of the old one by a
// rename: until then no page of the old directory is touched. So a power cut leaves the old files or the new, and takes
// at most the rows of the last minute.
package history
