#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Where the linker says that memory is free (LLVM's wasm-ld). */
extern unsigned char __heap_base;
static uintptr_t next;

void *malloc(size_t size) {
  if (next == 0) next = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
  uintptr_t at = next;
  if (size > UINTPTR_MAX - at - 31) abort();
  next = (at + size + 15) & ~(uintptr_t)15;
  uintptr_t pages = (next + 0xffff) >> 16;
  if (pages > __builtin_wasm_memory_size(0) &&
      __builtin_wasm_memory_grow(0, pages - __builtin_wasm_memory_size(0)) == (size_t)-1)
    abort();
  return (void *)at;
}

/* Asked for new memory only: the bindings never let anything grow that has a size. */
void *realloc(void *old, size_t size) {
  if (old != NULL) abort();
  return malloc(size);
}

void *memcpy(void *to, const void *from, size_t size) {
  for (size_t at = 0; at < size; at++) ((volatile unsigned char *)to)[at] = ((const unsigned char *)from)[at];
  return to;
}

void *memset(void *to, int byte, size_t size) {
  for (size_t at = 0; at < size; at++) ((volatile unsigned char *)to)[at] = (unsigned char)byte;
  return to;
}

int memcmp(const void *left, const void *right, size_t size) {
  for (size_t at = 0; at < size; at++) {
    int difference = ((const unsigned char *)left)[at] - ((const unsigned char *)right)[at];
    if (difference != 0) return difference;
  }
  return 0;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (((const volatile char *)text)[length] != 0) length++;
  return length;
}
