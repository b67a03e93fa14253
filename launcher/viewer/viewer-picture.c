/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "viewer-picture.h"

#include <string.h>

#define COLUMNS 8
#define ROWS 4
#define BLACK 40
#define WHITE 215

/* CRC-8 (polynomial 7) that begins so that neither black nor white is a number. */
static guint8
checksum (guint32 number)
{
  guint crc = 0xa5;
  for (int shift = 16; shift >= 0; shift -= 8) {
    crc ^= (number >> shift) & 0xff;
    for (guint bit = 0; bit < 8; bit++)
      crc = crc & 0x80 ? (crc << 1) ^ 0x107 : crc << 1;
  }
  return (guint8)crc;
}

void
headend_picture_draw (guint8 *luma, gsize stride, guint width, guint height,
                      guint32 number)
{
  guint32 bits = (number ^ (number >> 1)) | (guint32)checksum (number) << 24;
  for (guint y = 0; y < height; y++) {
    guint row = y * ROWS / height;
    for (guint column = 0; column < COLUMNS; column++) {
      guint from = column * width / COLUMNS, to = (column + 1) * width / COLUMNS;
      memset (luma + y * stride + from,
              bits >> (row * COLUMNS + column) & 1 ? WHITE : BLACK, to - from);
    }
  }
}

/* The middle of a block: encoders and scalers smear its edges. */
static guint
level (const guint8 *luma, gsize stride, guint width, guint height, guint row,
       guint column)
{
  guint x0 = (4 * column + 1) * width / (4 * COLUMNS);
  guint x1 = (4 * column + 3) * width / (4 * COLUMNS);
  guint y0 = (4 * row + 1) * height / (4 * ROWS);
  guint y1 = (4 * row + 3) * height / (4 * ROWS);
  guint64 sum = 0;
  for (guint y = y0; y < y1; y++)
    for (guint x = x0; x < x1; x++)
      sum += luma[y * stride + x];
  return (guint)(sum / MAX ((x1 - x0) * (y1 - y0), 1));
}

guint32
headend_picture_read (const guint8 *luma, gsize stride, guint width, guint height)
{
  guint32 bits = 0;
  for (guint row = 0; row < ROWS; row++)
    for (guint column = 0; column < COLUMNS; column++)
      if (level (luma, stride, width, height, row, column) > (BLACK + WHITE) / 2)
        bits |= 1u << (row * COLUMNS + column);
  guint32 number = bits & HEADEND_PICTURE_MAX;
  for (guint shift = 1; shift < 24; shift *= 2)
    number ^= number >> shift;
  return checksum (number) == bits >> 24 ? number : HEADEND_PICTURE_NONE;
}
