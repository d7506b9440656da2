/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_CRC32C_H
#define NATSOBJ_UTIL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli, RFC 3720) of len bytes: finds damage, not malice. */
uint32_t crc32c(const void *data, size_t len);

/* --- for its test --- */

/* The same without instructions of the processor. */
uint32_t crc32c_portable(const void *data, size_t len);

#endif
