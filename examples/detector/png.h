/* Writes a picture as PNG (RFC 2083), its data stored, not compressed (RFC 1950 and 1951), which
 * needs no library. */
#ifndef DETECTOR_PNG_H
#define DETECTOR_PNG_H

/* pixels[height][width][3] of bytes, at most 21,844 wide. 0, or -1 with errno if it cannot be written:
 * nothing stays of it then. */
int png_write(const char *path, const unsigned char *pixels, int width, int height);
#endif
